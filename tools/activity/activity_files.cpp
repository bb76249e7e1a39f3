#include "tools/activity/activity_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

namespace oracxfs {
namespace {

constexpr std::string_view kPrefix = "activity-", kSuffix = ".jsonl";
constexpr std::uint64_t kFileBytesMax = 256u << 20;  // a larger one is none of ours

}  // namespace

std::string rotated_activity_name(std::uint64_t first_seq) { return fmt::format("{}{:012}{}", kPrefix, first_seq, kSuffix); }

Result<std::vector<RotatedActivity>> rotated_activity(Disk& disk, const std::string& directory) {
    ORACX_TRY(const auto entries, disk.list(directory));
    std::vector<RotatedActivity> files;
    for (const DiskEntry& entry : entries) {
        const std::string_view name = entry.name;
        if (entry.is_directory || !name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
        const std::string_view digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - std::min(kSuffix.size(), name.size() - kPrefix.size()));
        std::uint64_t seq = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
        if (error != std::errc() || end != digits.data() + digits.size()) continue;
        files.push_back({entry.name, seq});
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.first_seq < b.first_seq; });
    return files;
}

Result<std::unique_ptr<ActivityText>> read_activity_text(Disk& disk, const std::string& path) {
    ORACX_TRY(const auto file, disk.open(path, OpenMode::read_only));
    ORACX_TRY(const std::uint64_t size, file->size());
    if (size > kFileBytesMax) return fail(Errc::too_large, "read " + path, "it is larger than a log of ours gets");
    auto content = std::make_unique<ActivityText>();
    content->text.resize(size);
    std::size_t have = 0;
    while (have < content->text.size()) {
        ORACX_TRY(const std::size_t got, file->read_at(have, std::as_writable_bytes(std::span(content->text)).subspan(have)));
        if (got == 0) break;
        have += got;
    }
    content->text.resize(have);
    const std::string_view text = content->text;
    for (std::size_t begin = 0;;) {
        const std::size_t end = text.find('\n', begin);
        if (end == std::string_view::npos) break;
        if (end > begin) content->lines.push_back(text.substr(begin, end - begin));
        content->whole_bytes = begin = end + 1;
    }
    return content;
}

Result<ActivityPage> read_activity(Disk& disk, const std::string& directory, const ActivityFilter& filter, std::size_t limit, std::uint64_t before_seq) {
    ActivityPage page;
    if (limit == 0) return page;
    std::uint64_t reached = before_seq;  // everything from here on was seen
    // The newest file first. One that is rotated meanwhile is met again under its other name.
    const auto take = [&](const std::string& name) -> Status {
        auto content = read_activity_text(disk, directory + "/" + name);
        if (!content && content.error().code == Errc::not_found) return {};
        if (!content) return fail(std::move(content).error());
        const auto& lines = (*content)->lines;
        for (auto line = lines.rbegin(); line != lines.rend() && page.entries.size() < limit; ++line) {
            auto entry = activity_from_line(*line);
            if (!entry || (reached != 0 && entry->seq >= reached)) continue;
            reached = entry->seq;
            if (filter.matches(*entry)) page.entries.push_back(std::move(*entry));
        }
        return {};
    };
    ORACX_TRYV(take(kActivityFile));
    ORACX_TRY(const auto rotated, rotated_activity(disk, directory));
    for (auto file = rotated.rbegin(); file != rotated.rend() && page.entries.size() < limit; ++file)
        if (reached == 0 || (file->first_seq < reached && reached > filter.after_seq + 1)) ORACX_TRYV(take(file->name));
    std::reverse(page.entries.begin(), page.entries.end());
    if (page.entries.size() == limit) page.older = page.entries.front().seq;
    return page;
}

Status visit_activity_after(Disk& disk, const std::string& directory, std::uint64_t seq, const std::function<void(ActivityEntry)>& visit) {
    // What is rotated does not change any more. The current file and the list of the others have to be of one moment: with
    // a rotation between the two looks, what the list lacks would be passed over.
    std::vector<RotatedActivity> rotated;
    std::unique_ptr<ActivityText> current;
    for (bool steady = false; !steady;) {
        ORACX_TRY(rotated, rotated_activity(disk, directory));
        auto content = read_activity_text(disk, directory + "/" + kActivityFile);
        if (!content && content.error().code != Errc::not_found) return fail(std::move(content).error());
        current = content ? std::move(*content) : nullptr;
        ORACX_TRY(const auto now, rotated_activity(disk, directory));
        steady = (now.empty() ? 0 : now.back().first_seq) == (rotated.empty() ? 0 : rotated.back().first_seq);
    }
    std::uint64_t last = seq;
    const auto take = [&](const ActivityText& content) {
        for (const std::string_view line : content.lines) {
            auto entry = activity_from_line(line);
            if (!entry || entry->seq <= last) continue;
            last = entry->seq;
            visit(std::move(*entry));
        }
    };
    for (std::size_t i = 0; i < rotated.size(); ++i) {
        if (i + 1 < rotated.size() && rotated[i + 1].first_seq <= last + 1) continue;  // it ends before
        const auto content = read_activity_text(disk, directory + "/" + rotated[i].name);
        if (content)
            take(**content);
        else if (content.error().code != Errc::not_found)  // forgotten meanwhile
            return fail(content.error());
    }
    if (current) take(*current);
    return {};
}

}  // namespace oracxfs
