#include "tools/config/target_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace oracxfs {
namespace {

using enum Kind;

constexpr std::array kTargetKeys = {
    Setting{"id", name, "", false, 0, 0, {}, "name"},
    Setting{"type", choice, "", false, 0, 0, "webhook|email|heartbeat|desktop"},
    Setting{"enabled", boolean, "true", false, 0, 0, {}, "active|on"},
    Setting{"on", text_list, "[]", false, 0, 0, kNotices},
    Setting{"url", text, "null", true, 0, 0, {}, "address|endpoint"},
    Setting{"style", choice, "\"json\"", false, 0, 0, "json|ntfy|gotify|slack", "template|format|service"},
    Setting{"secret", secret_ref, "null", true, 0, 0, {}, "hmac|key|signature"},
    Setting{"auth", secret_ref, "null", true, 0, 0, {}, "token|password"},
    Setting{"host", text, "null", true, 0, 0, {}, "server|smtp"},
    Setting{"port", integer, "null", true, 1, 65'535},
    Setting{"tls", choice, "\"starttls\"", false, 0, 0, "starttls|implicit"},
    Setting{"user", text, "null", true, 0, 0, {}, "username|login"},
    Setting{"from", text, "null", true, 0, 0, {}, "sender"},
    Setting{"to", text_list, "[]", false, 0, 0, {}, "recipients|receiver"},
    Setting{"ca_file", path, "null", true},
    Setting{"timeout", duration, "\"20s\"", false, 1e3, 300e3},
    Setting{"allow_plain_http", boolean, "false"},
};

struct TypeKeys {
    std::string_view type;
    std::vector<std::string_view> needed, possible;
};
const std::vector<TypeKeys>& type_keys() {
    static const std::vector<TypeKeys> rows{
        {"webhook", {"url"}, {"style", "secret", "auth", "ca_file", "timeout", "allow_plain_http", "on"}},
        {"heartbeat", {"url"}, {"ca_file", "timeout", "allow_plain_http"}},
        {"email", {"host", "from", "to"}, {"port", "tls", "user", "auth", "ca_file", "timeout", "on"}},
        {"desktop", {}, {"on"}},
    };
    return rows;
}

bool is_mail_address(std::string_view text) {
    const std::size_t at = text.rfind('@');
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && std::string_view("<>()[],;:\\\"").find(c) == std::string_view::npos;
    });
    return plain && at != std::string_view::npos && at > 0 && at + 1 < text.size();
}

// One entry whose keys are known and of the right kind.
class TargetCheck {
  public:
    TargetCheck(const Json& item, std::string at) : item_(item), at_(std::move(at)) {}

    Complaints run() {
        const std::string& type = item_["type"].as_string();
        const auto row = std::find_if(type_keys().begin(), type_keys().end(), [&](const TypeKeys& keys) { return keys.type == type; });
        if (row == type_keys().end()) return complaints_;
        for (const std::string_view key : row->needed)
            if (item_[key].is_null() || (item_[key].is_array() && item_[key].items().empty()))
                add("", fmt::format("has an entry without `{}`, which type \"{}\" needs", key, type));
        for (const auto& [key, value] : item_.members()) {
            const std::string_view word = key;
            const auto in = [&](const std::vector<std::string_view>& keys) { return std::find(keys.begin(), keys.end(), word) != keys.end(); };
            if (key.starts_with("_comment") || word == "id" || word == "type" || word == "enabled" || value.is_null() || in(row->needed) || in(row->possible)) continue;
            add(key, fmt::format("has an entry whose `{}` has no meaning for type \"{}\"", key, type));
        }
        if (item_["url"].is_string()) check_url(item_["url"].as_string());
        if (type == "email") check_mail();
        if (item_["secret"].is_string() && item_["style"].is_string() && item_["style"].as_string() != "json")
            add("secret", "has an entry whose `secret` has no meaning: only style \"json\" is signed", "for ntfy and Gotify the token belongs into `auth`");
        return complaints_;
    }

  private:
    void add(const std::string& key, std::string message, std::string hint = {}) {
        complaints_.push_back({std::move(message), std::move(hint), key.empty() ? at_ : at_ + "/" + key});
    }

    void check_url(const std::string& url) {
        if (url.starts_with("secret:") && url.size() > 7) return;
        const bool plain = url.starts_with("http://");
        if (!plain && !url.starts_with("https://"))
            return add("url", "has an entry whose `url` must be an address that begins with https://, or \"secret:NAME\", not " + shown_value(url));
        if (url.find('@') < url.find('/', url.find("://") + 3))
            return add("url", "has an entry whose `url` names a user or password", "secrets do not belong in this file: use `auth`, or put the whole address away with `oracxfs secrets set NAME` and write \"secret:NAME\"");
        if (plain && !item_["allow_plain_http"].as_bool())
            add("url", "has an entry whose `url` is not encrypted", "use https://, or say \"allow_plain_http\": true if everybody on the way may read it");
    }

    void check_mail() {
        if (item_["from"].is_string() && !is_mail_address(item_["from"].as_string())) add("from", "has an entry whose `from` must be a mail address such as \"backup@example.org\", not " + shown_value(item_["from"]));
        for (std::size_t i = 0; i < item_["to"].items().size(); ++i)
            if (const Json& to = item_["to"].items()[i]; !is_mail_address(to.as_string()))
                add("to/" + std::to_string(i), "has an entry whose `to` must hold mail addresses such as \"me@example.org\", not " + shown_value(to));
        const std::string& host = item_["host"].as_string();
        if (host.find_first_of("/@ \t\r\n?#") != std::string::npos) add("host", "has an entry whose `host` must be a name such as \"smtp.example.org\", not " + shown_value(host), "its port belongs into `port`");
        if (item_["auth"].is_string() != item_["user"].is_string())
            add("", "has an entry with only one of `user` and `auth`", "to sign in at the mail server both are needed");
    }

    const Json& item_;
    const std::string at_;
    Complaints complaints_;
};

}  // namespace

Complaints check_targets(const Json& value) {
    Complaints complaints = check_objects(value, kTargetKeys);
    std::set<std::string> ids;
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        const Json& item = value.items()[i];
        for (const char* key : {"password", "token", "api_key"})
            if (item.find(key) != nullptr)
                complaints.push_back({fmt::format("has an entry whose `{}` holds a secret", key), "remove it, `oracxfs secrets set NAME`, and write \"auth\": \"secret:NAME\"",
                                      fmt::format("{}/{}", i, key)});
        if (!complaints.empty()) continue;
        if (!ids.insert(item["id"].as_string()).second) complaints.push_back({"has two entries with the `id` " + shown_value(item["id"]), {}, std::to_string(i) + "/id"});
        for (Complaint& complaint : TargetCheck(item, std::to_string(i)).run()) complaints.push_back(std::move(complaint));
    }
    return complaints;
}

}  // namespace oracxfs
