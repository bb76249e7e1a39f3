#include "tools/oracxfs/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/translate.h"
#include "tools/config/units.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {
constexpr std::size_t kBarsMax = 12;
constexpr std::size_t kBarCells = 20;
}  // namespace

ProgressView::ProgressView(const Output& output, Clock& clock, const Environment& environment)
    : output_(output), clock_(clock), begun_(clock.steady()) {
    if (const auto text = environment("ORACXFS_PROGRESS_INTERVAL"))
        if (const auto interval = parse_duration(*text); interval && interval->count() > 0) plain_interval_ = *interval;
    next_plain_ = begun_ + plain_interval_;
}

std::string ProgressView::bar(double share) const {
    const auto cells = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarCells);
    std::string text;
    for (std::size_t i = 0; i < kBarCells; ++i)
        text += i < cells ? (output_.utf8() ? "█" : "#") : (output_.utf8() ? "·" : ".");
    return text;
}

void ProgressView::update(const Json& event) {
    if (event["type"].as_string() != "progress" || output_.quiet()) return;
    if (output_.shows_progress()) return draw(event);
    if (clock_.steady() < next_plain_) return;
    next_plain_ = clock_.steady() + plain_interval_;
    if (event["members_total"].is_int())
        return Output::write_stderr(tr(event["phase"].as_string()) + ": " +
                                    trf("{} of {} members, {} of {}", event["members"].as_int(), event["members_total"].as_int(), shown_size(event["bytes"]), shown_size(event["total"])) + "\n");
    Output::write_stderr(trf("waiting: {} files, {} to send, {} transfers under way", event["files"]["incomplete"].as_int(), shown_size(event["pending_bytes"]),
                             event["transfers"].items().size()) + "\n");
}

void ProgressView::draw(const Json& event) {
    std::string text;
    std::size_t lines = 0;
    for (const Json& transfer : event["transfers"].items()) {
        if (lines == kBarsMax) break;
        const auto bytes = static_cast<std::uint64_t>(transfer["bytes"].as_int());
        const auto total = static_cast<std::uint64_t>(transfer["total"].as_int());
        const double share = total > 0 ? static_cast<double>(bytes) / static_cast<double>(total) : 0;
        std::string line = fmt::format("  {:12} {} {:3.0f} %  {:>9}", transfer["provider"].as_string(), bar(share), share * 100, shown_size(bytes));
        if (transfer["verifying"].as_bool())
            line += "  " + tr("verifying");
        else if (transfer["rate"].as_double() > 0)
            line += fmt::format("  {:>9}/s", shown_size(static_cast<std::uint64_t>(transfer["rate"].as_double())));
        if (transfer["attempt"].as_int() > 1) line += "  " + trf("try {}", transfer["attempt"].as_int());
        line += "  " + printable(transfer["path"].as_string());
        text += "\x1b[2K" + line.substr(0, static_cast<std::size_t>(output_.width()) + 60) + "\n";
        ++lines;
    }
    const std::string elapsed = shown_duration(std::chrono::duration_cast<Millis>(clock_.steady() - begun_));
    if (event["members_total"].is_int()) {
        const auto bytes = static_cast<std::uint64_t>(event["bytes"].as_int()), total = static_cast<std::uint64_t>(event["total"].as_int());
        const double share = total > 0 ? static_cast<double>(bytes) / static_cast<double>(total) : 0;
        text += fmt::format("\x1b[2K  {:12} {} {:3.0f} %  ", tr(event["phase"].as_string()), bar(share), share * 100) +
                trf("{} of {}, {} of {} members, elapsed {}", shown_size(bytes), shown_size(total), event["members"].as_int(), event["members_total"].as_int(), elapsed) + "\n";
    } else {
        text += "\x1b[2K  " + trf("{} files wait, {} to send, elapsed {}", event["files"]["incomplete"].as_int(), shown_size(event["pending_bytes"]), elapsed) + "\n";
    }
    ++lines;
    std::string up = lines_ > 0 ? fmt::format("\x1b[{}A", lines_) : std::string();
    std::string rest;
    for (std::size_t i = lines; i < lines_; ++i) rest += "\x1b[2K\n";
    if (lines_ > lines) rest += fmt::format("\x1b[{}A", lines_ - lines);
    lines_ = lines;
    Output::write_stderr(up + text + rest);
}

void ProgressView::clear() {
    if (lines_ == 0) return;
    std::string text = fmt::format("\x1b[{}A", lines_);
    for (std::size_t i = 0; i < lines_; ++i) text += "\x1b[2K\n";
    text += fmt::format("\x1b[{}A", lines_);
    lines_ = 0;
    Output::write_stderr(text);
}

}  // namespace oracxfs
