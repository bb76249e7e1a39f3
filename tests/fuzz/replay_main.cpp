// Runs a fuzz target over the files of folders, where there is no libFuzzer: FOLDER...

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

int main(int count, char** arguments) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < count; ++i)
        for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i]))
            if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::size_t inputs = 0;
    for (const auto& path : files) {
        std::ifstream stream(path, std::ios::binary);
        std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
        std::printf("%s\n", path.filename().c_str());
        std::fflush(stdout);
        // The file, each of its beginnings, and the file with each byte damaged.
        const auto run = [&](const std::string& input) {
            // A copy of exactly this size, so that a sanitizer sees a byte read too far.
            const std::vector<std::uint8_t> exact(input.begin(), input.end());
            LLVMFuzzerTestOneInput(exact.data(), exact.size());
            ++inputs;
        };
        run(bytes);
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            run(bytes.substr(0, at));
            for (const char damage : {'\0', '"', '%', '\xff'}) {
                std::string damaged = bytes;
                damaged[at] = damage;
                run(damaged);
            }
        }
    }
    std::printf("%zu inputs\n", inputs);
    return files.empty() ? 1 : 0;
}
