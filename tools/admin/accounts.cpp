#include "tools/admin/accounts.h"

#include <algorithm>

#include "base/hash.h"
#include "base/log.h"
#include "cache/secret_box.h"

namespace oracxfs {
namespace {

constexpr std::size_t kPasswordMin = 8, kPasswordMax = 1'024;
constexpr std::string_view kCodeLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";  // 32, none that looks like another
constexpr std::string_view kTokenPrefix = "oxt_";
constexpr Millis kNoteUses{300'000};

std::string digest_of(std::string_view text) { return to_hex(sha256_of(std::as_bytes(std::span(text.data(), text.size())))); }

// In a time that does not depend on where they differ.
bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
    return difference == 0;
}

std::string new_code() {
    std::string code;
    const std::uint64_t bits = random_u64();
    for (unsigned i = 0; i < 8; ++i) {
        if (i == 4) code += '-';
        code += kCodeLetters[bits >> (5 * i) & 31];
    }
    return code;
}

// As people type it: blanks, dashes and small letters don't matter.
std::string normal_code(std::string_view typed) {
    std::string code;
    for (const char c : typed) {
        if (c == '-' || c == ' ') continue;
        code += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    return code;
}

Status check_length(const std::string& password) {
    if (password.size() < kPasswordMin) return fail(Errc::invalid, "set the password", "it has fewer than 8 characters");
    if (password.size() > kPasswordMax) return fail(Errc::invalid, "set the password", "it is longer than 1024 bytes");
    return {};
}

// Known to whoever has the cookie, and to nobody who has only the file.
std::string csrf_of(const std::string& cookie) { return digest_of("csrf " + cookie).substr(0, 32); }

}  // namespace

std::string_view to_string(Scope scope) {
    switch (scope) {
        case Scope::none: return "none";
        case Scope::read: return "read";
        case Scope::operate: return "operate";
        case Scope::admin: return "admin";
    }
    return "none";
}

std::optional<Scope> scope_from(std::string_view word) {
    for (const Scope scope : {Scope::read, Scope::operate, Scope::admin})
        if (to_string(scope) == word) return scope;
    return std::nullopt;
}

Accounts::~Accounts() {
    if (const Status kept = flush(); !kept) log::warn("admin", kept.error().to_string());
}

bool Accounts::has_password() const {
    const std::lock_guard lock(mutex_);
    return !hash_.empty();
}

// --- first run ---------------------------------------------------------------------------------------------------------

Accounts::Code Accounts::first_run_code() {
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_.wall();
    if (code_) code_->left = options_.code_life - (now - code_made_);
    if (!code_ || code_->left.count() <= 0 || code_->tries_left <= 0 || now < code_made_) {
        code_ = Code{new_code(), options_.code_life, options_.code_tries};
        code_made_ = now;
    }
    return *code_;
}

Status Accounts::set_up(const std::string& code, const std::string& password, int& tries_left) {
    ORACX_TRYV(check_length(password));
    {
        const std::lock_guard lock(mutex_);
        tries_left = 0;
        if (!hash_.empty()) return fail(Errc::exists, "set the first password", "there is one; `oracxfs admin password` sets a new one");
        const Millis age = clock_.wall() - code_made_;
        if (!code_ || code_->tries_left <= 0 || age < Millis(0) || age >= options_.code_life)
            return fail(Errc::pending, "set the first password", "there is no code that is good: `oracxfs admin code` shows a new one");
        code_->tries_left -= 1;
        tries_left = code_->tries_left;
        if (!same(normal_code(code), normal_code(code_->text)))
            return fail(Errc::denied, "set the first password", "this is not the code that `oracxfs admin code` shows");
        code_.reset();
    }
    return store_password(password);
}

// --- password ----------------------------------------------------------------------------------------------------------

Status Accounts::store_password(const std::string& password) {
    const std::lock_guard one(hashing_);
    std::string salt = random_hex(16);
    ORACX_TRY(const SecretKey key, SecretKey::from_passphrase(password, salt));
    std::unique_lock lock(mutex_);
    salt_ = std::move(salt);
    hash_ = key.to_hex();
    lock.unlock();
    return save();
}

Status Accounts::set_password(const std::string& password) {
    ORACX_TRYV(check_length(password));
    {
        const std::lock_guard lock(mutex_);
        sessions_.clear();
        code_.reset();
    }
    return store_password(password);
}

Status Accounts::check_password(const std::string& password) {
    const std::lock_guard one(hashing_);
    std::string salt, hash;
    {
        const std::lock_guard lock(mutex_);
        salt = salt_;
        hash = hash_;
    }
    if (hash.empty() || password.size() > kPasswordMax) return fail(Errc::unauthenticated, "sign in", "the password is wrong");
    ORACX_TRY(const SecretKey key, SecretKey::from_passphrase(password, salt));
    if (!same(key.to_hex(), hash)) return fail(Errc::unauthenticated, "sign in", "the password is wrong");
    return {};
}

Status Accounts::change_password(const std::string& old, const std::string& fresh, const Principal& who, const std::string& source) {
    ORACX_TRYV(check_length(fresh));
    if (const Millis wait = delay_.wait(source); wait.count() > 0)
        return fail(Error(Errc::throttled, "change the password", "there were too many wrong passwords").with_retry_after(wait));
    if (const Status right = check_password(old); !right) {
        if (right.error().code == Errc::unauthenticated) delay_.failed(source);
        return fail(Errc::denied, "change the password", "the old one is wrong");
    }
    ORACX_TRYV(end_sessions(who.session));
    return store_password(fresh);
}

// --- sessions ----------------------------------------------------------------------------------------------------------

WallTime Accounts::end_of(const Session& session) const {
    const Millis idle = session.remember ? options_.remembered : options_.session_idle;
    const Millis longest = session.remember ? options_.remembered : options_.session_longest;
    return std::min(session.last_used + idle, session.created + longest);
}

void Accounts::forget_old() {
    const WallTime now = clock_.wall();
    std::erase_if(sessions_, [&](const StoredSession& session) { return end_of(session) <= now; });
    std::erase_if(tokens_, [&](const StoredToken& token) { return token.expires && *token.expires <= now; });
}

Result<Accounts::SignedIn> Accounts::sign_in(const std::string& password, bool remember, const std::string& source, const std::string& agent) {
    if (const Millis wait = delay_.wait(source); wait.count() > 0)
        return fail(Error(Errc::throttled, "sign in", "there were too many wrong passwords; wait a little").with_retry_after(wait));
    if (const Status right = check_password(password); !right) {
        if (right.error().code == Errc::unauthenticated) delay_.failed(source);
        return fail(right.error());
    }
    delay_.succeeded(source);
    return begin_session(remember, source, agent);
}

Result<Accounts::SignedIn> Accounts::begin_session(bool remember, const std::string& source, const std::string& agent) {
    std::unique_lock lock(mutex_);
    forget_old();
    while (sessions_.size() >= options_.sessions_max)
        sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) { return a.last_used < b.last_used; }));
    SignedIn in;
    in.cookie = random_hex(32);
    StoredSession session;
    session.id = "s-" + random_hex(4);
    session.created = session.last_used = clock_.wall();
    session.remember = remember;
    session.address = source;
    session.agent = agent.substr(0, 200);
    session.hash = digest_of(in.cookie);
    session.expires = end_of(session);
    sessions_.push_back(session);
    lock.unlock();
    ORACX_TRYV(save());
    in.session = session;
    in.who = Principal{Scope::admin, session.id, "", "admin", csrf_of(in.cookie)};
    return in;
}

Principal Accounts::by_cookie(const std::string& cookie) {
    if (cookie.size() != 64) return {};
    const std::string hash = digest_of(cookie);
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_.wall();
    for (StoredSession& session : sessions_) {
        if (!same(session.hash, hash)) continue;
        if (end_of(session) <= now) return {};
        session.last_used = std::max(session.last_used, now);
        session.expires = end_of(session);
        return Principal{Scope::admin, session.id, "", "admin", csrf_of(cookie)};
    }
    return {};
}

void Accounts::note_uses() {
    {
        const std::lock_guard lock(mutex_);
        if (clock_.wall() - saved_ <= kNoteUses) return;
    }
    if (const Status kept = flush(); !kept) log::warn("admin", kept.error().to_string());
}

std::vector<Accounts::Session> Accounts::sessions() const {
    const std::lock_guard lock(mutex_);
    std::vector<Session> list;
    for (const StoredSession& session : sessions_) {
        if (end_of(session) <= clock_.wall()) continue;
        list.push_back(session);
        list.back().expires = end_of(session);
    }
    return list;
}

std::optional<Accounts::Session> Accounts::session(const std::string& id) const {
    for (Session& session : sessions())
        if (session.id == id) return session;
    return std::nullopt;
}

Result<std::size_t> Accounts::end_session(const std::string& id) {
    std::unique_lock lock(mutex_);
    const std::size_t ended = std::erase_if(sessions_, [&](const StoredSession& session) { return session.id == id; });
    if (ended == 0) return fail(Errc::not_found, "end session " + id, "there is none of that name");
    lock.unlock();
    ORACX_TRYV(save());
    return ended;
}

Result<std::size_t> Accounts::end_sessions(const std::string& all_but) {
    std::unique_lock lock(mutex_);
    const std::size_t ended = std::erase_if(sessions_, [&](const StoredSession& session) { return session.id != all_but; });
    lock.unlock();
    ORACX_TRYV(save());
    return ended;
}

void Accounts::set_session_idle(Millis idle) {
    const std::lock_guard lock(mutex_);
    options_.session_idle = idle;
}

// --- tokens ------------------------------------------------------------------------------------------------------------

Result<std::pair<Accounts::Token, std::string>> Accounts::add_token(const std::string& name, Scope scope, std::optional<Millis> life) {
    if (name.empty() || name.size() > 64) return fail(Errc::invalid, "make an API token", "its name needs 1 to 64 characters");
    std::unique_lock lock(mutex_);
    forget_old();
    if (tokens_.size() >= options_.tokens_max) return fail(Errc::exists, "make an API token", "there are as many as there may be; remove one first");
    std::string text = std::string(kTokenPrefix) + random_hex(32);
    log::redact_value(text);
    StoredToken token;
    token.id = "k-" + random_hex(4);
    token.name = name;
    token.scope = scope;
    token.created = clock_.wall();
    if (life) token.expires = token.created + *life;
    token.hash = digest_of(text);
    tokens_.push_back(token);
    lock.unlock();
    ORACX_TRYV(save());
    return std::pair<Token, std::string>(token, std::move(text));
}

Principal Accounts::by_token(const std::string& text) {
    if (!text.starts_with(kTokenPrefix)) return {};
    const std::string hash = digest_of(text);
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_.wall();
    for (StoredToken& token : tokens_) {
        if (!same(token.hash, hash)) continue;
        if (token.expires && *token.expires <= now) return {};
        token.last_used = now;
        return Principal{token.scope, "", token.id, token.name, ""};
    }
    return {};
}

std::vector<Accounts::Token> Accounts::tokens() const {
    const std::lock_guard lock(mutex_);
    return {tokens_.begin(), tokens_.end()};
}

Status Accounts::remove_token(const std::string& id) {
    std::unique_lock lock(mutex_);
    if (std::erase_if(tokens_, [&](const StoredToken& token) { return token.id == id; }) == 0)
        return fail(Errc::not_found, "remove API token " + id, "there is none of that name");
    lock.unlock();
    return save();
}

}  // namespace oracxfs
