// Refresh tokens: RFC 6749, 6.

#include <atomic>
#include <cstdlib>

#include "base/log.h"
#include "providers/http/oauth_wire.h"
#include "providers/http/token_keeper.h"

namespace oracxfs::http {
namespace {

constexpr const char* kWhat = "renew the access token";

class StoredGrant final : public Grant {
  public:
    StoredGrant(Client& client, Clock& clock, OAuthEndpoints endpoints, TokenStore store)
        : client_(client), clock_(clock), endpoints_(std::move(endpoints)), store_(std::move(store)) {}

    Result<KeptToken> load() override {
        auto text = store_.load();
        if (!text && text.error().code == Errc::not_found)
            return fail(Errc::unauthenticated, "nobody has signed in yet", how_to_sign_in(endpoints_));
        if (!text) return fail(std::move(text).error());
        text_ = std::move(*text);
        auto record = TokenRecord::parse(text_);
        if (!record)
            return fail(Errc::unauthenticated, "the stored tokens are damaged", how_to_sign_in(endpoints_));
        record_ = std::move(*record);
        unsaved_ = false;
        return kept_from_record();
    }

    bool has_changed() override {
        const auto text = store_.load();
        return text && *text != text_;
    }

    Result<KeptToken> renew(const OpContext& ctx, const std::string& refused) override {
        // Tokens that could not be stored last time: they may hold the only refresh token there is.
        if (unsaved_) {
            ORACX_TRYV(save());
            if (fresh_.token != refused) return fresh_;
        }
        ORACX_TRY(const bool changed, adopt_change());
        if (changed && record_.access_token != refused && is_fresh()) return kept_from_record();
        auto reply = ask(ctx);
        if (reply && !reply->answer && reply->error == "invalid_grant") {
            // Another process may have renewed and replaced the refresh token meanwhile.
            ORACX_TRY(const bool replaced, adopt_change());
            if (replaced) reply = ask(ctx);
        }
        if (!reply) return fail(std::move(reply).error().at(kWhat));
        if (!reply->answer) return fail(refusal(*reply));
        merge(*reply->answer);
        ORACX_TRYV(save());
        return fresh_;
    }

    [[nodiscard]] Millis skew() const override { return Millis(skew_ms_); }

    [[nodiscard]] Error refused_twice() const override {
        return Error(Errc::unauthenticated, "the service refuses the access token, also a new one", how_to_sign_in(endpoints_));
    }

  private:
    [[nodiscard]] WallTime server_now() const { return clock_.wall() + skew(); }

    KeptToken kept_from_record() const {
        KeptToken kept;
        kept.token = record_.access_token;
        kept.expires = record_.expires;
        return kept;
    }

    [[nodiscard]] bool is_fresh() const {
        return !record_.access_token.empty() && record_.expires && *record_.expires > server_now() + std::chrono::minutes(5);
    }

    // True if somebody else has written the record.
    Result<bool> adopt_change() {
        auto text = store_.load();
        if (!text && text.error().code != Errc::not_found) return fail(std::move(text).error());
        if (!text || *text == text_) return false;
        auto record = TokenRecord::parse(*text);
        if (!record) return false;
        text_ = std::move(*text);
        record_ = std::move(*record);
        return true;
    }

    Result<TokenReply> ask(const OpContext& ctx) {
        if (record_.refresh_token.empty())
            return fail(Errc::unauthenticated, "the access token has ended and there is no refresh token", how_to_sign_in(endpoints_));
        TokenPost post{endpoints_.token_url,
                       {{"grant_type", "refresh_token"}, {"refresh_token", record_.refresh_token}, {"client_id", record_.client_id}}};
        if (endpoints_.secret_in_refresh && !record_.client_secret.empty())
            post.fields.emplace_back("client_secret", record_.client_secret);
        asked_at_ = clock_.steady();
        const WallTime asked_wall = clock_.wall();
        auto reply = post_token(client_, ctx, clock_, post);
        if (reply) note_skew(*reply, asked_wall);
        return reply;
    }

    void note_skew(const TokenReply& reply, WallTime asked) {
        const Millis skew = reply.date ? clock_skew(reply, clock_.wall()) : Millis(skew_ms_);
        if (skew != Millis(0) && skew_ms_ == 0)
            log::warn("oauth", "the clock of this machine differs from the server's by " +
                                   std::to_string(std::chrono::round<std::chrono::seconds>(skew).count()) + " s");
        skew_ms_ = skew.count();
        asked_server_ = asked + skew;
    }

    void merge(const TokenAnswer& answer) {
        const Millis life = answer.life.value_or(endpoints_.default_life);
        record_.access_token = answer.access_token;
        if (!answer.refresh_token.empty()) {
            record_.refresh_token = answer.refresh_token;
            log::redact_value(answer.refresh_token);
        }
        if (answer.scope) record_.scope = *answer.scope;
        if (!answer.account_id.empty()) record_.account_id = answer.account_id;
        record_.expires = asked_server_ + life;
        fresh_ = {record_.access_token, record_.expires, asked_at_ + life, life};
        unsaved_ = true;
    }

    Status save() {
        std::string text = record_.dump();
        if (auto saved = store_.save(text); !saved) return fail(std::move(saved).error().at("store the renewed tokens"));
        text_ = std::move(text);
        unsaved_ = false;
        return {};
    }

    Error refusal(const TokenReply& reply) const {
        Error error = to_error(reply, kWhat);
        if (error.code != Errc::unauthenticated) return error;
        error.message = "the service has ended the access that was granted";
        if (record_.signed_in && !endpoints_.week_hint.empty()) {
            using std::chrono::hours;
            const auto age = server_now() - *record_.signed_in;
            if (age >= hours(156) && age <= hours(180)) error.why += "; " + endpoints_.week_hint;
        }
        error.why += "; " + how_to_sign_in(endpoints_);
        return error;
    }

    Client& client_;
    Clock& clock_;
    const OAuthEndpoints endpoints_;
    const TokenStore store_;

    std::string text_;  // as last loaded or saved
    TokenRecord record_;
    KeptToken fresh_;
    bool unsaved_ = false;
    SteadyTime asked_at_{};
    WallTime asked_server_{};
    std::atomic<Millis::rep> skew_ms_{0};  // read while another thread renews
};

}  // namespace

std::unique_ptr<TokenSource> make_token_source(Client& client, Clock& clock, OAuthEndpoints endpoints, TokenStore store) {
    return make_token_keeper(clock, std::make_unique<StoredGrant>(client, clock, std::move(endpoints), std::move(store)));
}

}  // namespace oracxfs::http
