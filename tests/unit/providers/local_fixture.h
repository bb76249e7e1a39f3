#pragma once
// A provider on a folder of this disk, for the tests of what only such a folder has.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "providers/local/local_provider.h"
#include "tests/support/blobs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

namespace stdfs = std::filesystem;

inline RemoteObject at(const ObjectKey& key) {
    RemoteObject object;
    object.key = key;
    return object;
}

inline void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::vector<std::string> names_below(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::recursive_directory_iterator(folder))
        names.push_back(stdfs::relative(entry.path(), folder));
    return names;
}

class LocalTest : public testing::Test {
  protected:
    LocalTest() {
        stdfs::create_directory(state_);
        config_.name = "disk";
        config_.type = "local";
        config_.clock = &clock_;
        config_.state_directory = state_;
        use(root_);
    }

    void use(const std::string& path) {
        config_.config = Json::object({{"path", path}});
        restart();
    }
    void restart() { provider_ = std::make_unique<LocalProvider>(config_); }

    Result<PutResult> put(const ObjectKey& key, const std::string& text,
                          std::optional<RemoteObject> replaces = {}) {
        MemoryBlob blob(text);
        PutOptions options;
        options.upload_id = "upload-" + std::to_string(++uploads_);
        options.replaces = std::move(replaces);
        return provider_->put({}, key, blob, options);
    }

    TempDir folder_;
    const std::string state_ = folder_ / "state";
    const std::string root_ = folder_ / "replica";
    FakeClock clock_;
    ProviderConfig config_;
    std::unique_ptr<LocalProvider> provider_;
    int uploads_ = 0;
};

}  // namespace oracxfs::test
