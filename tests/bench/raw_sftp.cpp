// Small files to an SFTP server over one connection with everything in flight, and nothing else: nothing is checked.
//
//   raw_sftp HOST PORT USER KEY_FILE HOST_KEY_FILE FOLDER DIR
//
// A file is opened under a temporary name, written, closed and renamed. Connects and reads DIR before it starts; prints the
// seconds.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "providers/sftp/sftp_channel.h"

namespace {

using namespace oracxfs;

std::string slurp(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("can't read " + path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().to_string());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void expect_ok(const sftp::Answer& answer) {
    if (answer.code != sftp::Fx::ok) throw std::runtime_error("the server refused a request");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8) {
        std::cerr << "usage: raw_sftp HOST PORT USER KEY_FILE HOST_KEY_FILE FOLDER DIR\n";
        return 2;
    }
    try {
        std::vector<std::pair<std::string, std::string>> files;
        for (const auto& each : std::filesystem::directory_iterator(argv[7])) files.emplace_back(each.path().filename(), slurp(each.path()));
        SystemClock clock;
        sftp::SshTarget target;
        target.host = argv[1];
        target.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
        target.user = argv[3];
        target.key_file = argv[4];
        target.host_keys = sftp::HostKeyPolicy::pinned(must(sftp::parse_pinned_key(slurp(argv[5]))));
        const OpContext ctx;
        const sftp::Waiter waiter(ctx, clock);
        const auto channel = must(sftp::SftpChannel::open(target, waiter));
        const std::string folder = argv[6];
        const auto begin = std::chrono::steady_clock::now();
        channel->make_directory(folder, {});
        for (std::size_t next = 0; next < files.size() || channel->outstanding() > 0;) {
            // As many at once as the server may hold open, and no more in the queue than it can send soon.
            while (next < files.size() && channel->queued_bytes() < (512u << 10) && channel->outstanding() < 400) {
                const auto& [name, content] = files[next++];
                const std::string path = folder + "/" + name;
                channel->open_file(path + ".part", sftp::kOpenWrite | sftp::kOpenCreate, [&channel, &content = content, path](sftp::Answer& answer) {
                    expect_ok(answer);
                    channel->write(answer.handle, 0, std::as_bytes(std::span(content)), expect_ok);
                    channel->close(answer.handle, expect_ok);
                    channel->rename(path + ".part", path, expect_ok);
                });
            }
            must(channel->drive(waiter));
        }
        std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << std::endl;
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "raw_sftp: " << error.what() << "\n";
        return 1;
    }
}
