// Measured by hand, beside OpenSSH's own client in the same run; not a test.
//   sftp_bench up|down MIB [RTT_MS] [auto|hash|readback]     one large file
//   sftp_bench batch FILES BYTES [RTT_MS]                    small files, against a client that neither verifies nor waits
//   sftp_bench single [RTT_MS]                               round trips of one small file
// TMPDIR decides where the server keeps its files.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "providers/sftp/sftp_channel.h"
#include "tests/support/blobs.h"
#include "tests/support/delay_proxy.h"
#include "tests/support/sftp_setup.h"

namespace oracxfs::test {
namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(const char* what, double mib, const std::function<void()>& work) {
    const double begin = now(), cpu_begin = cpu();
    work();
    const double took = now() - begin;
    std::printf("%-34s %7.2f s  %8.1f MiB/s  cpu %.2f s\n", what, took, mib / took, cpu() - cpu_begin);
    std::fflush(stdout);
}

template <class T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Bench {
    explicit Bench(int rtt_ms, const std::string& verify = "auto") : server(Sshd::start()) {
        if (!server) std::exit(1);
        if (rtt_ms > 0)
            proxy = std::make_unique<DelayProxy>(
                DelayProxyOptions{.target_port = server->port(), .one_way = std::chrono::microseconds(rtt_ms * 500)});
        config = sftp_config(*server, clock, port());
        config.config.set("verify", Json(verify));
        provider = sftp_provider(config);
        must(provider->probe({}));
    }
    [[nodiscard]] int port() const { return proxy ? proxy->port() : server->port(); }
    void openssh(const std::string& command) const {
        std::ofstream(server->folder() + "/batch") << command << "\n";
        const std::string line = "sftp -q -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR -i " +
                                 server->key_file() + " -P " + std::to_string(port()) + " -b " + server->folder() +
                                 "/batch " + server->user() + "@127.0.0.1 >/dev/null";
        if (std::system(line.c_str()) != 0) std::exit(1);
    }

    SystemClock clock;
    std::unique_ptr<Sshd> server;
    std::unique_ptr<DelayProxy> proxy;
    ProviderConfig config;
    std::unique_ptr<Provider> provider;
};

void large(bool up, std::uint64_t mib, int rtt_ms, const std::string& verify) {
    Bench bench(rtt_ms, verify);
    MemoryBlob blob(random_content(mib << 20, 1));
    const std::string local = bench.server->folder() + "/local";
    std::ofstream(local, std::ios::binary)
        .write(reinterpret_cast<const char*>(blob.data().data()), static_cast<std::streamsize>(blob.data().size()));
    std::this_thread::sleep_for(std::chrono::seconds(1));  // the server's hash is found out meanwhile
    for (int round = 0; round < 3; ++round) {
        PutOptions options;
        options.upload_id = "bench-" + std::to_string(round);
        const std::string key = "file" + std::to_string(round);
        const auto put = [&] { must(bench.provider->put({}, key, blob, options)); };
        if (up) {
            measure("put, verified", static_cast<double>(mib), put);
            measure("OpenSSH sftp put", static_cast<double>(mib),
                    [&] { bench.openssh("put " + local + " " + bench.server->folder() + "/copy"); });
            continue;
        }
        put();
        const RemoteObject object = must(bench.provider->stat({}, key));
        measure("read", static_cast<double>(mib),
                [&] { must(bench.provider->read({}, object, 0, object.size, [](auto) { return true; })); });
        measure("OpenSSH sftp get", static_cast<double>(mib), [&] { bench.openssh("get " + local + " " + local + ".back"); });
    }
}

// What a client could do at best on one connection: everything in flight, nothing verified.
void ideal_batch(Bench& bench, int files, const Bytes& data) {
    sftp::SshTarget target;
    target.host = "127.0.0.1";
    target.port = static_cast<std::uint16_t>(bench.port());
    target.user = bench.server->user();
    target.key_file = bench.server->key_file();
    target.host_keys = sftp::HostKeyPolicy::pinned(must(sftp::parse_pinned_key(bench.server->host_key_line())));
    const OpContext ctx;
    const sftp::Waiter waiter(ctx, bench.clock);
    const auto channel = must(sftp::SftpChannel::open(target, waiter));
    const std::string folder = bench.server->folder() + "/ideal" + std::to_string(now());
    channel->make_directory(folder, {});
    const double mib = static_cast<double>(data.size()) * files / (1 << 20);
    measure("one connection, unverified", mib, [&] {
        int opened = 0;
        while (opened < files || channel->outstanding() > 0) {
            while (opened < files && channel->queued_bytes() < (512u << 10)) {
                const std::string path = folder + "/" + std::to_string(opened++);
                channel->open_file(path + ".part", sftp::kOpenWrite | sftp::kOpenCreate, [&, path](sftp::Answer& answer) {
                    channel->write(answer.handle, 0, data, {});
                    channel->close(answer.handle);
                    channel->rename(path + ".part", path, {});
                });
            }
            must(channel->drive(waiter));
        }
    });
}

void batch(int files, std::size_t bytes, int rtt_ms) {
    Bench bench(rtt_ms);
    const Bytes data = random_content(bytes, 2);
    const double mib = static_cast<double>(bytes) * files / (1 << 20);
    for (int round = 0; round < 3; ++round) {
        ideal_batch(bench, files, data);
        std::vector<PutRequest> requests;
        for (int i = 0; i < files; ++i) {
            PutRequest request;
            request.key = "round" + std::to_string(round) + "/" + std::to_string(i);
            request.content = std::make_shared<MemoryBlob>(data);
            request.options.upload_id = "b" + std::to_string(round) + "-" + std::to_string(i);
            request.options.mtime_ns = 1'700'000'000'000'000'000;
            requests.push_back(std::move(request));
        }
        for (const std::size_t at_once : {requests.size(), std::size_t{512}, std::size_t{256}}) {
            if (at_once > requests.size()) continue;
            for (PutRequest& request : requests) request.key += "x";
            measure(("put_batch, verified, by " + std::to_string(at_once)).c_str(), mib, [&] {
                for (std::size_t i = 0; i < requests.size(); i += at_once)
                    bench.provider->put_batch({}, std::span(requests).subspan(i, std::min(at_once, requests.size() - i)),
                                              [](std::size_t, Result<PutResult> result) { must(std::move(result)); });
            });
        }
    }
}

void single(int rtt_ms) {
    Bench bench(rtt_ms);
    MemoryBlob blob(random_content(16'384, 3));
    for (int round = 0; round < 5; ++round) {
        PutOptions options;
        options.upload_id = "single-" + std::to_string(round);
        options.mtime_ns = 1'700'000'000'000'000'000;
        const std::uint64_t rounds = bench.proxy ? bench.proxy->rounds() : 0;
        const double begin = now();
        must(bench.provider->put({}, "folder/single" + std::to_string(round), blob, options));
        std::printf("put of 16 KiB: %.1f ms, %llu rounds\n", (now() - begin) * 1e3,
                    static_cast<unsigned long long>((bench.proxy ? bench.proxy->rounds() : 0) - rounds));
    }
}

}  // namespace
}  // namespace oracxfs::test

int main(int argc, char** argv) {
    using namespace oracxfs::test;
    const auto number = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "up" || mode == "down")
        large(mode == "up", static_cast<std::uint64_t>(number(2, 256)), number(3, 0), argc > 4 ? argv[4] : "auto");
    else if (mode == "batch") batch(number(2, 2000), static_cast<std::size_t>(number(3, 16'384)), number(4, 50));
    else if (mode == "single") single(number(2, 50));
    else std::fprintf(stderr, "usage: sftp_bench up|down MIB [RTT_MS] [VERIFY] | batch FILES BYTES [RTT_MS] | single [RTT_MS]\n");
}
