// The query language of files.list, as far as the reference recommends it.

#include <algorithm>
#include <array>

#include "tests/emulators/dropbox_names.h"
#include "tests/emulators/drive_state.h"

namespace oracxfs::test {

class DriveQueryParser {
  public:
    explicit DriveQueryParser(std::string_view text) : text_(text) {}

    DriveQuery parse() {
        DriveQuery query = any_of();
        skip();
        if (at_ != text_.size()) fail();
        return query;
    }

  private:
    using Kind = DriveQuery::Kind;

    [[noreturn]] static void fail() { throw DriveError{400, "invalid", "Invalid Value", "q"}; }
    void skip() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }
    bool take(char c) {
        skip();
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string word() {
        skip();
        const std::size_t start = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0)) ++at_;
        return std::string(text_.substr(start, at_ - start));
    }
    bool take_word(std::string_view wanted) {
        const std::size_t start = at_;
        if (word() == wanted) return true;
        at_ = start;
        return false;
    }
    std::string quoted() {
        if (!take('\'')) fail();
        std::string value;
        for (; at_ < text_.size() && text_[at_] != '\''; ++at_) {
            if (text_[at_] == '\\') {
                ++at_;
                if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '\\')) fail();
            }
            value += text_[at_];
        }
        if (!take('\'')) fail();
        return value;
    }
    std::string comparison() {
        skip();
        for (const std::string_view each : {"!=", "<=", ">=", "=", "<", ">"})
            if (text_.substr(at_).starts_with(each)) {
                at_ += each.size();
                return std::string(each);
            }
        return word();
    }

    DriveQuery any_of() { return chain("or", Kind::any_of, [this] { return all_of(); }); }
    DriveQuery all_of() { return chain("and", Kind::all_of, [this] { return one(); }); }
    template <class Part>
    DriveQuery chain(std::string_view joint, Kind kind, Part part) {
        DriveQuery first = part();
        if (!take_word(joint)) return first;
        DriveQuery all;
        all.kind_ = kind;
        all.parts_.push_back(std::move(first));
        do {
            all.parts_.push_back(part());
        } while (take_word(joint));
        return all;
    }
    DriveQuery one() {
        if (take_word("not")) {
            DriveQuery none;
            none.kind_ = Kind::none_of;
            none.parts_.push_back(one());
            return none;
        }
        if (take('(')) {
            DriveQuery inner = any_of();
            if (!take(')')) fail();
            return inner;
        }
        return term();
    }
    DriveQuery term() {
        DriveQuery query;
        query.kind_ = Kind::term;
        skip();
        if (at_ < text_.size() && text_[at_] == '\'') {
            query.value_ = quoted();
            if (!take_word("in") || !take_word("parents")) fail();
            query.name_ = "parents";
            query.operator_ = "in";
            return query;
        }
        query.name_ = word();
        query.operator_ = comparison();
        const auto allowed = [&](std::initializer_list<std::string_view> operators) {
            if (std::find(operators.begin(), operators.end(), query.operator_) == operators.end()) fail();
        };
        if (query.name_ == "name" || query.name_ == "mimeType") {
            allowed({"=", "!=", "contains"});
            query.value_ = quoted();
        } else if (query.name_ == "trashed" || query.name_ == "starred") {
            allowed({"=", "!="});
            query.value_ = word();
            if (query.value_ != "true" && query.value_ != "false") fail();
        } else if (query.name_ == "modifiedTime" || query.name_ == "createdTime") {
            allowed({"<=", "<", "=", "!=", ">", ">="});
            query.value_ = quoted();
            if (query.value_.size() == 19) query.value_ += 'Z';
            if (!is_rfc3339(query.value_)) fail();
            query.value_ = normal_time(query.value_);
        } else if (query.name_ == "appProperties" || query.name_ == "properties") {
            allowed({"has"});
            if (!take('{') || !take_word("key") || !take('=')) fail();
            query.value_ = quoted();
            if (!take_word("and") || !take_word("value") || !take('=')) fail();
            query.value2_ = quoted();
            if (!take('}')) fail();
        } else {
            fail();
        }
        return query;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

DriveQuery DriveQuery::parse(std::string_view text) { return DriveQueryParser(text).parse(); }

std::size_t DriveQuery::parents() const {
    std::size_t count = name_ == "parents" ? 1 : 0;
    for (const DriveQuery& part : parts_) count += part.parents();
    return count;
}

bool DriveQuery::matches(const DriveFile& file, const Context& context) const {
    const auto part = [&](const DriveQuery& each) { return each.matches(file, context); };
    switch (kind_) {
        case Kind::always: return true;
        case Kind::all_of: return std::all_of(parts_.begin(), parts_.end(), part);
        case Kind::any_of: return std::any_of(parts_.begin(), parts_.end(), part);
        case Kind::none_of: return std::none_of(parts_.begin(), parts_.end(), part);
        case Kind::term: break;
    }
    const bool negated = operator_ == "!=";
    if (name_ == "parents") return !file.parent.empty() && file.parent == (value_ == "root" ? context.root : value_);
    if (name_ == "trashed") return (context.trashed(file) == (value_ == "true")) != negated;
    if (name_ == "starred") return (file.starred == (value_ == "true")) != negated;
    if (name_ == "appProperties" || name_ == "properties") {
        const auto& all = name_ == "properties" ? file.properties : file.app_properties;
        const auto it = all.find(value_);
        return it != all.end() && it->second == value2_;
    }
    if (name_ == "modifiedTime" || name_ == "createdTime") {
        const std::string& time = name_ == "modifiedTime" ? file.modified_time : file.created_time;
        if (operator_ == "<=") return time <= value_;
        if (operator_ == "<") return time < value_;
        if (operator_ == ">=") return time >= value_;
        if (operator_ == ">") return time > value_;
        return (time == value_) != negated;
    }
    if (name_ == "mimeType") {
        if (operator_ == "contains") return file.mime_type.find(value_) != std::string::npos;
        return (file.mime_type == value_) != negated;
    }
    const std::string name = lower_case(context.indexed_name(file));
    if (name.empty()) return false;
    if (operator_ == "contains") return name.starts_with(lower_case(value_));
    return (name == lower_case(value_)) != negated;
}

}  // namespace oracxfs::test
