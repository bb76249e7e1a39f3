#pragma once
// stdout carries the result, stderr everything else. With --json stdout carries one envelope, also when it failed.
//
// Errors, warnings, notes and the sentences of a result come in English and are translated here, where they are shown.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tools/config/places.h"

namespace oracxfs {

// What a command came to.
struct CommandResult {
    Json data;                    // for --json
    std::string text;             // for people; "" = nothing to say
    int exit_code = 0;
    std::optional<Error> error;   // failed, but with data; sets the exit code unless that is set
    bool printed = false;         // the command wrote its output itself
    bool verbatim = false;        // `text` is somebody's data and in no language
};

enum class When : std::uint8_t { automatic, always, never };

struct OutputOptions {
    bool json = false;
    bool quiet = false;
    When color = When::automatic;
    When progress = When::automatic;
};

enum class Paint : std::uint8_t { none, good, warning, bad, dim, bold };

class Output {
  public:
    Output(const OutputOptions& options, const Environment& environment);

    [[nodiscard]] bool json() const { return options_.json; }
    [[nodiscard]] bool quiet() const { return options_.quiet; }
    [[nodiscard]] bool utf8() const { return utf8_; }
    [[nodiscard]] bool shows_progress() const { return progress_; }
    [[nodiscard]] bool stderr_is_terminal() const { return err_terminal_; }
    // stdout is a terminal that can be written over.
    [[nodiscard]] bool redraws() const { return redraws_; }
    [[nodiscard]] int width() const { return width_; }

    // Colours for stdout; text only where colours are off.
    [[nodiscard]] std::string paint(Paint paint, std::string_view text) const;
    // "●" or "[ok]" and the like, for a provider's or the whole's state.
    [[nodiscard]] std::string mark(std::string_view state) const;

    void warn(const std::string& text);          // shown at once, and part of the envelope
    void note(const std::string& text) const;    // stderr, unless quiet
    // Prints the outcome; returns the exit code.
    int finish(const std::string& command, const CommandResult& outcome) const;
    int finish(const std::string& command, const Error& error) const;

    // The block of four lines: what, why, next, [code].
    [[nodiscard]] std::string describe(const Error& error, int exit_code) const;
    static void write_stdout(std::string_view text);
    static void write_stderr(std::string_view text);

  private:
    const OutputOptions options_;
    bool out_color_ = false;
    bool err_color_ = false;
    bool err_terminal_ = false;
    bool progress_ = false;
    bool redraws_ = false;
    bool utf8_ = false;
    int width_ = 80;
    std::vector<std::string> warnings_;
};

// Left-aligned text columns, right-aligned where the header begins with '>'. Headers are translated, cells are not.
std::string format_table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows);
// Number of characters a terminal shows.
std::size_t display_width(std::string_view text);
// Control characters and bytes that are not text are shown as \xNN: a file name must not steer the terminal.
std::string printable(std::string_view bytes);

}  // namespace oracxfs
