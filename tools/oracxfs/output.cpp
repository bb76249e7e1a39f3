#include "tools/oracxfs/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "base/translate.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/language.h"

namespace oracxfs {
namespace {

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return;  // nobody reads any more
        text.remove_prefix(static_cast<std::size_t>(put));
    }
}

bool color_for(When when, int fd, const Environment& environment) {
    if (when != When::automatic) return when == When::always;
    if (environment("NO_COLOR") || environment("TERM") == "dumb") return false;  // https://no-color.org: set and not empty
    return ::isatty(fd) == 1;
}

std::string wrap_paint(bool on, Paint paint, std::string_view text) {
    if (!on || paint == Paint::none) return std::string(text);
    const char* code = "0";
    switch (paint) {
        case Paint::good: code = "32"; break;
        case Paint::warning: code = "33"; break;
        case Paint::bad: code = "31"; break;
        case Paint::dim: code = "2"; break;
        case Paint::bold: code = "1"; break;
        case Paint::none: break;
    }
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace

Output::Output(const OutputOptions& options, const Environment& environment) : options_(options) {
    out_color_ = !options.json && color_for(options.color, STDOUT_FILENO, environment);
    err_color_ = color_for(options.color, STDERR_FILENO, environment);
    err_terminal_ = ::isatty(STDERR_FILENO) == 1;
    progress_ = options.progress == When::always || (options.progress == When::automatic && err_terminal_ && !options.quiet && environment("TERM") != "dumb");
    redraws_ = ::isatty(STDOUT_FILENO) == 1 && environment("TERM") != "dumb";
    utf8_ = speaks_utf8(environment);
    winsize size{};
    if (const auto columns = environment("COLUMNS"); columns && std::atoi(columns->c_str()) > 0)  // NOLINT(cert-err34-c)
        width_ = std::atoi(columns->c_str());                                                    // NOLINT(cert-err34-c)
    else if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width_ = size.ws_col;
}

std::string Output::paint(Paint paint, std::string_view text) const { return wrap_paint(out_color_, paint, text); }

std::string Output::mark(std::string_view state) const {
    struct Mark {
        std::string_view sign, ascii;
        Paint paint;
    };
    Mark mark{"✖", "[xx]", Paint::bad};
    if (state == "active" || state == "protected" || state == "verified" || state == "ok" || state == "succeeded") mark = {"●", "[ok]", Paint::good};
    if (state == "degraded" || state == "full" || state == "offline" || state == "queued" || state == "uploading" || state == "stored" ||
        state == "missing" || state == "warning" || state == "partial" || state == "running")
        mark = {"▲", "[!!]", Paint::warning};
    if (state == "inactive" || state == "not_configured" || state == "paused" || state == "skipped" || state == "unchanged" || state == "cancelled" || state == "interrupted") mark = {"○", "[--]", Paint::dim};
    return paint(mark.paint, utf8_ ? mark.sign : mark.ascii);
}

void Output::warn(const std::string& text) {
    warnings_.push_back(text);
    write_stderr(wrap_paint(err_color_, Paint::warning, tr("warning:")) + " " + tr_sentence(text) + "\n");
}

void Output::note(const std::string& text) const {
    if (options_.quiet) return;
    const std::string shown = tr_sentence(text);
    write_stderr((shown == text ? tr_lines(text) : shown) + "\n");
}

// Exit code 0: the program goes on, and asks once more.
std::string Output::describe(const Error& error, int exit_code) const {
    const ErrcInfo& row = info(error.code);
    std::string text = wrap_paint(err_color_, Paint::bad, tr("error:")) + " ";
    if (!error.provider.empty() && error.message.find(error.provider) == std::string::npos) text += error.provider + ": ";
    text += tr_sentence(printable(error.message)) + "\n";
    if (!error.why.empty()) text += tr("why:   ") + tr_sentence(printable(error.why)) + "\n";
    text += tr("next:  ") + (error.next.empty() ? tr(row.hint) : tr_sentence(printable(error.next))) + "\n       " + (exit_code != 0 ? trf("[{} {} exit {}]", row.e_code, utf8_ ? "·" : "-", exit_code) : fmt::format("[{}]", row.e_code)) + "\n";
    return log::redact(text);
}

int Output::finish(const std::string& command, const CommandResult& outcome) const {
    const int exit_code = outcome.error && outcome.exit_code == 0 ? info(outcome.error->code).exit_code : outcome.exit_code;
    if (outcome.printed) return exit_code;
    if (options_.json) {
        Json envelope = outcome.error ? make_error_envelope(command, *outcome.error, outcome.data, warnings_)
                                      : make_envelope(command, exit_code, outcome.data, warnings_);
        envelope.set("exit_code", exit_code);
        write_stdout(log::redact(envelope.dump()) + "\n");
        return exit_code;
    }
    if (!outcome.text.empty()) {
        const std::string text = outcome.verbatim ? outcome.text : tr_result(outcome.text);
        write_stdout(text.ends_with('\n') ? text : text + "\n");
    }
    if (outcome.error) write_stderr(describe(*outcome.error, exit_code));
    return exit_code;
}

int Output::finish(const std::string& command, const Error& error) const {
    CommandResult outcome;
    outcome.error = error;
    return finish(command, outcome);
}

void Output::write_stdout(std::string_view text) { write_all(STDOUT_FILENO, text); }
void Output::write_stderr(std::string_view text) { write_all(STDERR_FILENO, text); }

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    bool escape = false;
    for (const char c : text) {
        if (c == '\x1b') escape = true;
        if (!escape && (static_cast<unsigned char>(c) & 0xc0) != 0x80) ++width;
        if (escape && c == 'm') escape = false;
    }
    return width;
}

std::string format_table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    const auto title = [](const std::string& header) { return tr(header.starts_with('>') ? header.substr(1) : header); };
    for (const std::string& header : headers) widths.push_back(display_width(title(header)));
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    std::string text;
    const auto add_row = [&](const auto& cell_of) {
        std::string line;
        for (std::size_t i = 0; i < headers.size(); ++i) {
            const std::string cell = cell_of(i);
            const std::string pad(widths[i] - std::min(widths[i], display_width(cell)), ' ');
            line += (i == 0 ? "" : "  ") + (headers[i].starts_with('>') ? pad + cell : cell + pad);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    if (std::any_of(headers.begin(), headers.end(), [&](const std::string& h) { return !title(h).empty(); }))
        add_row([&](std::size_t i) { return title(headers[i]); });
    for (const auto& row : rows) add_row([&](std::size_t i) { return i < row.size() ? row[i] : std::string(); });
    return text;
}

std::string printable(std::string_view bytes) {
    const bool text_ok = is_utf8(bytes);
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !text_ok))
            text += c == '\n' ? std::string(" ") : fmt::format("\\x{:02x}", byte);
        else
            text += c;
    }
    return text;
}

}  // namespace oracxfs
