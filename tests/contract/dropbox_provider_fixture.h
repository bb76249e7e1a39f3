#pragma once
// A provider at the emulated Dropbox, for the tests of what only Dropbox has.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/dropbox_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {

class DropboxProviderTest : public testing::Test {
  protected:
    explicit DropboxProviderTest(const DropboxOptions& options = {}) : setup_(options), provider_(setup_.make()) {
        EXPECT_THAT(provider_->probe({}), IsOk());
        service().clear_log();
    }

    DropboxEmulator& service() { return setup_.service; }
    Faults& faults() { return setup_.service.faults(); }

    PutOptions options(std::optional<RemoteObject> replaces = {}) {
        PutOptions options;
        options.replaces = std::move(replaces);
        options.upload_id = "box-" + std::to_string(++uploads_);
        return options;
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text, std::optional<RemoteObject> replaces = {}) {
        MemoryBlob blob(text);
        return provider_->put({}, key, blob, options(std::move(replaces)));
    }
    RemoteObject stored(const ObjectKey& key, std::string_view text) {
        const auto result = put(key, text);
        EXPECT_THAT(result, IsOk());
        return result ? result->object : RemoteObject{};
    }
    std::string text(const RemoteObject& object, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX) {
        std::string out;
        const Status status = provider_->read({}, object, offset, length, [&](auto data) {
            for (const std::byte byte : data) out += static_cast<char>(byte);
            return true;
        });
        EXPECT_THAT(status, IsOk());
        return out;
    }
    std::vector<ObjectKey> keys(const ObjectKey& directory = "") {
        std::vector<ObjectKey> keys;
        std::string cursor;
        do {
            const auto page = provider_->list({}, directory, cursor);
            EXPECT_THAT(page, IsOk());
            if (!page) break;
            for (const RemoteObject& entry : page->entries) keys.push_back(entry.key);
            cursor = page->next;
        } while (!cursor.empty());
        return keys;
    }
    std::vector<PutRequest> small_files(std::size_t count, const std::string& folder) {
        std::vector<PutRequest> requests;
        for (std::size_t i = 0; i < count; ++i)
            requests.push_back({folder + "/" + std::to_string(i), std::make_shared<MemoryBlob>(random_content(1000 + i, i)), options()});
        return requests;
    }
    std::size_t put_all(std::vector<PutRequest>& requests) {
        std::size_t good = 0;
        provider_->put_batch({}, requests, [&](std::size_t i, const Result<PutResult>& result) {
            EXPECT_THAT(result, IsOk()) << requests[i].key;
            if (result && result->verified) ++good;
        });
        return good;
    }

    DropboxSetup setup_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

}  // namespace oracxfs::test
