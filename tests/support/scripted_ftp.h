#pragma once
// A plain FTP server in this process that keeps its files in memory and misbehaves on command.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oracxfs::test {

// What a hook wants instead of the usual answer.
struct FtpScript {
    enum class Act { reply, silence, close, do_and_close };
    Act act = Act::reply;  // silence: never answers; do_and_close: does it, then closes without an answer
    std::string reply;     // "553 no"
};

struct ScriptedFtpOptions {
    std::string features = " MLST type*;size*;modify*;unique*;\r\n MFMT\r\n REST STREAM\r\n UTF8\r\n";
    bool dos_lists = false;
    unsigned connections_max = 100;  // further ones are greeted with 421
    // Each command as it came, in the session's thread; the greeting asks with "".
    std::function<std::optional<FtpScript>(const std::string& command)> hook{};
    // What is stored of an upload.
    std::function<std::string(std::string)> on_store{};
};

class ScriptedFtp {
  public:
    explicit ScriptedFtp(ScriptedFtpOptions options = {});
    ~ScriptedFtp();
    ScriptedFtp(const ScriptedFtp&) = delete;
    ScriptedFtp& operator=(const ScriptedFtp&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] std::vector<std::string> commands() const;  // of all sessions
    [[nodiscard]] std::map<std::string, std::string> files() const;  // absolute path -> content
    void set_file(const std::string& path, const std::string& content);
    [[nodiscard]] unsigned sessions() const;  // signed in so far

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace oracxfs::test
