#include "providers/google_drive/token_choice.h"

#include <mutex>

namespace oracxfs::drive {
namespace {

class ChosenTokens final : public http::TokenSource {
  public:
    ChosenTokens(http::Client& client, Clock& clock, const DriveConfig& config) : client_(client), clock_(clock), config_(config) {}

    Result<std::string> token(const OpContext& ctx) override {
        ORACX_TRY(http::TokenSource* const source, chosen());
        return source->token(ctx);
    }
    void refused(const std::string& token) override {
        if (const auto source = chosen()) (*source)->refused(token);
    }
    void accepted() override {
        if (const auto source = chosen()) (*source)->accepted();
    }

  private:
    Result<http::TokenSource*> chosen() {
        const std::lock_guard lock(mutex_);
        if (source_) return source_.get();
        if (!config_.secret) return fail(Errc::unauthenticated, "sign in at Google Drive", "no secrets can be read here");
        auto key = config_.secret("service_account");
        if (key && *key != "{}") {  // that was one, and is not used any more
            ORACX_TRY(source_, http::make_service_account_source(client_, clock_, *key, config_.endpoints.scopes,
                                                                 config_.endpoints.token_url, config_.act_for));
            return source_.get();
        }
        if (!key && key.error().code != Errc::not_found) return fail(std::move(key).error());
        http::TokenStore store;
        store.load = [secret = config_.secret] { return secret("token"); };
        store.save = [put = config_.store_secret](const std::string& text) { return put ? put("token", text) : Status(); };
        source_ = http::make_token_source(client_, clock_, config_.endpoints, std::move(store));
        return source_.get();
    }

    http::Client& client_;
    Clock& clock_;
    const DriveConfig config_;
    std::mutex mutex_;
    std::unique_ptr<http::TokenSource> source_;  // once made it stays
};

}  // namespace

std::unique_ptr<http::TokenSource> choose_tokens(http::Client& client, Clock& clock, const DriveConfig& config) {
    return std::make_unique<ChosenTokens>(client, clock, config);
}

}  // namespace oracxfs::drive
