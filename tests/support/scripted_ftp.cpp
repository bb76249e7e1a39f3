#include "tests/support/scripted_ftp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "base/unique_fd.h"
#include "providers/ftp/ftp_reply.h"

namespace oracxfs::test {
namespace {

UniqueFd listen_on_loopback(int& port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), raw, length) != 0 || ::listen(fd.get(), 16) != 0 || ::getsockname(fd.get(), raw, &length) != 0)
        throw std::runtime_error("no port on the loopback interface");
    port = ntohs(address.sin_port);
    return fd;
}

bool wait_readable(int fd, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        pollfd poll_fd{fd, POLLIN, 0};
        if (::poll(&poll_fd, 1, 20) > 0) return true;
    }
    return false;
}

bool send_all(int fd, const std::string& data) {
    for (std::size_t at = 0; at < data.size();) {
        const ssize_t sent = ::send(fd, data.data() + at, data.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += static_cast<std::size_t>(sent);
    }
    return true;
}

std::string parent_of(const std::string& path) { return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)); }

}  // namespace

struct ScriptedFtp::State {
    explicit State(ScriptedFtpOptions given) : options(std::move(given)) {}

    struct File {
        std::string content;
        std::int64_t mtime = 1'700'000'000;
        std::uint64_t unique = 0;
    };

    ScriptedFtpOptions options;
    int port = 0;
    UniqueFd listener;
    mutable std::mutex mutex;
    std::map<std::string, File> files;
    std::set<std::string> folders{"/", "/login"};
    std::vector<std::string> commands;
    std::atomic<unsigned> open = 0, sessions = 0;
    std::uint64_t uniques = 0;
    std::list<std::jthread> threads;
    std::jthread acceptor;

    void serve(const UniqueFd& control, const std::stop_token& stop);
    std::string describe(const std::string& path, const std::string& name) const;
    std::string facts(const std::string& path, const std::string& name) const;
    std::string listing(const std::string& folder, bool with_facts) const;
};

namespace {

// One control connection.
class Session {
  public:
    Session(int control, const std::stop_token& stop) : control_(control), stop_(stop) {}

    bool read_line(std::string& line) {
        for (;;) {
            if (const auto end = buffer_.find("\r\n"); end != std::string::npos) {
                line = buffer_.substr(0, end);
                buffer_.erase(0, end + 2);
                return true;
            }
            char data[4096];
            if (!wait_readable(control_, stop_)) return false;
            const ssize_t got = ::recv(control_, data, sizeof data, 0);
            if (got <= 0) return false;
            buffer_.append(data, static_cast<std::size_t>(got));
        }
    }
    bool say(const std::string& reply) { return send_all(control_, reply + "\r\n"); }
    std::string passive() {
        int port = 0;
        data_listener_ = listen_on_loopback(port);
        return "229 Extended (|||" + std::to_string(port) + "|)";
    }
    UniqueFd data() {
        if (!data_listener_ || !wait_readable(data_listener_.get(), stop_)) return {};
        return UniqueFd(::accept(data_listener_.get(), nullptr, nullptr));
    }
    std::string receive(int data) {
        std::string all;
        char piece[16384];
        while (wait_readable(data, stop_)) {
            const ssize_t got = ::recv(data, piece, sizeof piece, 0);
            if (got <= 0) break;
            all.append(piece, static_cast<std::size_t>(got));
        }
        return all;
    }

    std::string folder = "/login", rename_from;
    std::uint64_t restart = 0;

  private:
    int control_;
    const std::stop_token& stop_;
    std::string buffer_;
    UniqueFd data_listener_;
};

}  // namespace

std::string ScriptedFtp::State::facts(const std::string& path, const std::string& name) const {
    if (folders.contains(path)) return "type=dir;modify=20231114221320;unique=d" + std::to_string(path.size()) + "; " + name;
    const File& file = files.at(path);
    return "type=file;size=" + std::to_string(file.content.size()) + ";modify=" + ftp::format_time(file.mtime) +
           ";unique=" + std::to_string(file.unique) + "; " + name;
}

std::string ScriptedFtp::State::describe(const std::string& path, const std::string& name) const {
    const bool folder = folders.contains(path);
    const std::string size = folder ? "4096" : std::to_string(files.at(path).content.size());
    if (options.dos_lists) return "11-14-23  10:13PM  " + std::string(folder ? "     <DIR>          " : "             ") + (folder ? "" : size + " ") + name;
    return (folder ? "drwxr-xr-x 2 u g " : "-rw-r--r-- 1 u g ") + size + " Nov 14 2023 " + name;
}

std::string ScriptedFtp::State::listing(const std::string& folder, bool with_facts) const {
    std::string out;
    const auto add = [&](const std::string& path) {
        if (path == folder || parent_of(path) != folder) return;
        const std::string name = path.substr(path.rfind('/') + 1);
        out += (with_facts ? facts(path, name) : describe(path, name)) + "\r\n";
    };
    for (const std::string& path : folders) add(path);
    for (const auto& [path, file] : files) add(path);
    return out;
}

void ScriptedFtp::State::serve(const UniqueFd& control, const std::stop_token& stop) {
    Session session(control.get(), stop);
    const unsigned number = ++open;
    struct Leave {
        std::atomic<unsigned>& count;
        ~Leave() { --count; }
    } const leave{open};
    if (number > options.connections_max) {
        session.say("421 too many connections from you");
        return;
    }
    if (!session.say("220 scripted")) return;
    std::string line;
    while (session.read_line(line)) {
        const std::string verb = line.substr(0, line.find(' '));
        const std::string word = line.size() > verb.size() ? line.substr(verb.size() + 1) : "";
        {
            const std::lock_guard lock(mutex);
            commands.push_back(line);
        }
        FtpScript script;
        bool scripted = false;
        if (options.hook)
            if (auto wanted = options.hook(line)) {
                script = std::move(*wanted);
                scripted = true;
            }
        if (scripted && script.act == FtpScript::Act::silence) {
            while (!stop.stop_requested() && session.read_line(line)) {
            }
            return;
        }
        if (scripted && script.act == FtpScript::Act::close) return;
        std::string reply;
        if (scripted && script.act == FtpScript::Act::reply) {
            reply = script.reply;
        } else if (verb == "STOR" || verb == "APPE" || verb == "RETR" || verb == "MLSD" || verb == "LIST") {
            const bool upload = verb == "STOR" || verb == "APPE";
            std::string body;
            bool there = true;
            {
                const std::lock_guard lock(mutex);
                const std::string path = word.empty() || word == "-a" ? session.folder : word;
                if (upload) there = folders.contains(parent_of(path));
                else if (verb == "RETR") there = files.contains(path);
                else there = folders.contains(path);
                if (there && verb == "RETR") body = files[path].content.substr(std::min<std::size_t>(session.restart, files[path].content.size()));
                if (there && !upload && verb != "RETR") body = listing(path, verb == "MLSD");
            }
            if (!there) {
                reply = "550 not there";
            } else {
                session.say("150 go on");
                const UniqueFd data = session.data();
                if (upload) {
                    std::string got = session.receive(data.get());
                    if (options.on_store) got = options.on_store(std::move(got));
                    const std::lock_guard lock(mutex);
                    File& file = files[word];
                    if (file.unique == 0) file.unique = ++uniques;
                    file.content.resize(verb == "APPE" ? file.content.size() : session.restart);
                    file.content += got;
                } else {
                    send_all(data.get(), body);
                }
                reply = "226 done";
            }
            session.restart = 0;
            if (there) {
                // A hook may be about the answer after the last byte.
                if (auto wanted = options.hook ? options.hook("226 " + line) : std::nullopt) {
                    if (wanted->act == FtpScript::Act::silence) {
                        while (!stop.stop_requested() && session.read_line(line)) {
                        }
                        return;
                    }
                    if (wanted->act == FtpScript::Act::close) return;
                    reply = wanted->reply;
                }
            }
        } else {
            const std::lock_guard lock(mutex);
            const auto file = files.find(word);
            const bool is_file = file != files.end(), is_folder = folders.contains(word);
            if (verb == "USER") reply = "331 password?";
            else if (verb == "PASS") reply = (++sessions, "230 welcome");
            else if (verb == "AUTH") reply = "502 no TLS here";
            else if (verb == "PWD") reply = "257 \"/login\" is it";
            else if (verb == "FEAT") reply = "211-Features:\r\n" + options.features + "211 End";
            else if (verb == "TYPE" || verb == "OPTS" || verb == "PBSZ" || verb == "PROT") reply = "200 fine";
            else if (verb == "EPSV") reply = session.passive();
            else if (verb == "REST") reply = (session.restart = std::stoull(word), "350 restart there");
            else if (verb == "SIZE") reply = is_file ? "213 " + std::to_string(file->second.content.size()) : "550 no file";
            else if (verb == "MDTM") reply = is_file ? "213 " + ftp::format_time(file->second.mtime) : "550 no file";
            else if (verb == "CWD") reply = is_folder ? (session.folder = word, "250 there you are") : "550 no folder";
            else if (verb == "MLST") reply = is_file || is_folder ? "250-Listing\r\n " + facts(word, word) + "\r\n250 End" : "550 not there";
            else if (verb == "MKD") {
                const bool good = !is_file && !is_folder && folders.contains(parent_of(word));
                if (good) folders.insert(word);
                reply = good ? "257 made" : "550 cannot";
            } else if (verb == "RMD") {
                reply = is_folder && listing(word, true).empty() ? (folders.erase(word), "250 removed") : "550 cannot";
            } else if (verb == "DELE") {
                reply = is_file ? (files.erase(word), "250 removed") : "550 no file";
            } else if (verb == "MFMT" && word.size() > 15 && files.contains(word.substr(15))) {
                files[word.substr(15)].mtime = ftp::parse_time(word.substr(0, 14)).value_or(0);
                reply = "213 Modify set";
            } else if (verb == "RNFR") {
                session.rename_from = word;
                reply = is_file || is_folder ? "350 where to" : "550 not there";
            } else if (verb == "RNTO") {
                const bool good = files.contains(session.rename_from) && folders.contains(parent_of(word));
                if (good) {
                    const File moved = files[session.rename_from];
                    files.erase(session.rename_from);
                    files[word] = moved;
                }
                reply = good ? "250 renamed" : "550 cannot";
            } else {
                reply = "502 unknown";
            }
        }
        if (scripted && script.act == FtpScript::Act::do_and_close) return;
        if (!session.say(reply)) return;
    }
}

ScriptedFtp::ScriptedFtp(ScriptedFtpOptions options) : state_(std::make_unique<State>(std::move(options))) {
    state_->listener = listen_on_loopback(state_->port);
    state_->acceptor = std::jthread([state = state_.get()](const std::stop_token& stop) {
        while (wait_readable(state->listener.get(), stop)) {
            auto control = std::make_shared<UniqueFd>(::accept(state->listener.get(), nullptr, nullptr));
            if (!*control) continue;
            state->threads.emplace_back([state, control](const std::stop_token& end) {
                state->serve(*control, end);
                control->reset();
            });
        }
    });
}

ScriptedFtp::~ScriptedFtp() {
    state_->acceptor.request_stop();
    state_->acceptor.join();
    for (std::jthread& thread : state_->threads) thread.request_stop();
    state_->threads.clear();
}

int ScriptedFtp::port() const { return state_->port; }
unsigned ScriptedFtp::sessions() const { return state_->sessions; }

std::vector<std::string> ScriptedFtp::commands() const {
    const std::lock_guard lock(state_->mutex);
    return state_->commands;
}

std::map<std::string, std::string> ScriptedFtp::files() const {
    const std::lock_guard lock(state_->mutex);
    std::map<std::string, std::string> out;
    for (const auto& [path, file] : state_->files) out[path] = file.content;
    return out;
}

void ScriptedFtp::set_file(const std::string& path, const std::string& content) {
    const std::lock_guard lock(state_->mutex);
    State::File& file = state_->files[path];
    file.content = content;
    file.unique = ++state_->uniques;
    state_->folders.insert(parent_of(path));
}

}  // namespace oracxfs::test
