#include "tools/oracxfs/language.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/log.h"
#include "base/translate.h"
#include "base/unique_fd.h"

namespace oracxfs {
namespace {

constexpr std::size_t kCatalogueBytesMax = 8u << 20;

// "fr_FR.UTF-8" -> "fr"; "" when there are no texts for it.
std::string language_of(std::string_view locale) {
    const std::string_view word = locale.substr(0, std::min(locale.find_first_of("_.@"), locale.size()));
    const auto& known = languages();
    const auto found = std::find(known.begin(), known.end(), word);
    return found == known.end() ? std::string() : *found;
}

Result<std::string> read_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return fail(error_from_errno(errno, "read " + path));
    if (static_cast<std::size_t>(status.st_size) > kCatalogueBytesMax) return fail(Errc::invalid, "read " + path, "it is too large");
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    for (std::size_t size = 0; size < bytes.size();) {
        const ssize_t got = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(error_from_errno(errno, "read " + path));
        if (got == 0) return fail(Errc::invalid, "read " + path, "it has become shorter");
        size += static_cast<std::size_t>(got);
    }
    return bytes;
}

}  // namespace

const std::vector<std::string>& languages() {
    static const std::vector<std::string> known = {"en", "fr"};
    return known;
}

std::string choose_language(std::string_view flag, const Environment& environment, std::string_view configured) {
    if (std::string wanted = language_of(flag); !wanted.empty()) return wanted;
    if (std::string wanted = language_of(environment("ORACXFS_LANG").value_or("")); !wanted.empty()) return wanted;
    if (std::string wanted = language_of(configured); !wanted.empty()) return wanted;
    std::string locale;
    for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
        locale = environment(name).value_or("");
        if (!locale.empty()) break;
    }
    // A list of languages, best first; without any locale nobody asked for translations.
    if (!locale.empty() && locale != "C" && locale != "POSIX") {
        const std::string list = environment("LANGUAGE").value_or("");
        for (std::size_t begin = 0; begin < list.size();) {
            const std::size_t end = std::min(list.find(':', begin), list.size());
            if (std::string wanted = language_of(std::string_view(list).substr(begin, end - begin)); !wanted.empty()) return wanted;
            begin = end + 1;
        }
    }
    const std::string wanted = language_of(locale);
    return wanted.empty() ? languages().front() : wanted;
}

bool speaks_utf8(const Environment& environment) {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (const auto value = environment(name)) {
            std::string lower = *value;
            std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
        }
    return false;
}

std::string catalogue_file(std::string_view language) {
    std::error_code ignored;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::filesystem::path share = program.parent_path().parent_path() / "share";
    return (share / "locale" / language / "LC_MESSAGES" / "oracxfs.mo").string();
}

std::shared_ptr<const TextCatalogue> texts_of(const std::string& language) {
    if (language == languages().front()) return nullptr;
    const auto bytes = read_file(catalogue_file(language));
    auto texts = bytes ? TextCatalogue::parse(*bytes) : Result<TextCatalogue>(fail(bytes.error()));
    if (texts) return std::make_shared<const TextCatalogue>(std::move(*texts));
    log::warn("notify", "no texts in \"" + language + "\": " + texts.error().to_string());
    return nullptr;
}

Status use_language(const std::string& language, bool utf8) {
    install_texts(nullptr);
    if (language == languages().front()) return {};
    ORACX_TRY(const std::string bytes, read_file(catalogue_file(language)));
    ORACX_TRY(auto texts, TextCatalogue::parse(bytes, utf8 ? TextCatalogue::Letters::all : TextCatalogue::Letters::ascii));
    install_texts(std::make_shared<const TextCatalogue>(std::move(texts)));
    return {};
}

}  // namespace oracxfs
