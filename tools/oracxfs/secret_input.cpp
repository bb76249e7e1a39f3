#include "tools/oracxfs/secret_input.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/log.h"
#include "base/translate.h"
#include "base/unique_fd.h"

namespace oracxfs {
namespace {

constexpr std::size_t kSecretBytesMax = 64 << 10;

Result<std::string> read_first_line(int fd, const std::string& what) {
    std::string text;
    char c = 0;
    for (;;) {
        const ssize_t got = ::read(fd, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(error_from_errno(errno, "read " + what));
        if (got == 0 || c == '\n') break;
        text += c;
        if (text.size() > kSecretBytesMax) return fail(Errc::invalid, "read " + what, "it is too long for a secret");
    }
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return fail(Errc::invalid, "read " + what, "it is empty");
    log::redact_value(text);
    return text;
}

// Echo is back on whatever way the prompt ends.
class SilentTerminal {
  public:
    explicit SilentTerminal(int fd) : fd_(fd) {
        if (::tcgetattr(fd_, &old_) != 0) return;
        termios silent = old_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
    }
    ~SilentTerminal() {
        if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &old_);
    }
    SilentTerminal(const SilentTerminal&) = delete;
    SilentTerminal& operator=(const SilentTerminal&) = delete;

  private:
    const int fd_;
    termios old_{};
    bool changed_ = false;
};

void say(int fd, const std::string& text) { (void)!::write(fd, text.data(), text.size()); }

}  // namespace

Result<std::string> read_secret_file(const std::string& file) {
    if (file == "-") return read_secret_stdin();
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(error_from_errno(errno, "read " + file));
    return read_first_line(fd.get(), file);
}

Result<std::string> read_secret_stdin() { return read_first_line(STDIN_FILENO, "the secret from standard input"); }

Result<std::string> prompt_secret(const std::string& question) {
    const UniqueFd fd(::open("/dev/tty", O_RDWR | O_CLOEXEC));
    if (!fd) return fail(Error(Errc::refused, "ask for " + question, "there is no terminal").with_next("use --password-file or --password-stdin"));
    const SilentTerminal silent(fd.get());
    say(fd.get(), tr_sentence(question) + ": ");
    auto secret = read_first_line(fd.get(), question);
    say(fd.get(), "\n");
    return secret;
}

bool can_prompt() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

Result<bool> ask_yes_no(const std::string& question) {
    if (!can_prompt()) return fail(Errc::refused, question, "there is no terminal to ask at");
    say(STDERR_FILENO, tr_sentence(question) + " " + tr("[y/N]") + " ");
    const auto answer = read_first_line(STDIN_FILENO, "the answer");
    if (!answer) return false;
    std::string word = *answer;
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word == "y" || word == "yes" || word == tr("y") || word == tr("yes");
}

}  // namespace oracxfs
