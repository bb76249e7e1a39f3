#pragma once
// What is answered to whom: the gate, the page with its files, and the routes of the JSON interface (docs/API.md).

#include <atomic>
#include <memory>

#include "tools/admin/admin_context.h"
#include "tools/admin/gatekeeper.h"

namespace oracxfs {

class AdminApi final : public HttpHandler {
  public:
    // `listen`: where the server listens.
    AdminApi(const AdminEnvironment& env, Accounts& accounts, EventHub& hub, TaskList& tasks, Executor& readers, ReplyLanguage& language,
             std::vector<ListenAddress> listen);

    HttpAdmission admit(const HttpRequest& request) override;
    HttpResponse handle(HttpRequest request, const std::stop_token& stop) override;
    [[nodiscard]] const Router& router() const { return router_; }

  private:
    // What a request is about, and whether it may be.
    struct Verdict {
        std::optional<HttpResponse> refusal;
        enum class Target { page, asset, redirect, callback, api } target = Target::page;
        const Route* route = nullptr;
        std::map<std::string, std::string, std::less<>> params;
        Principal who;
    };
    Verdict judge(const HttpRequest& request);
    Verdict judge_api(const HttpRequest& request, std::size_t prefix);
    HttpResponse answer(const HttpRequest& request, Verdict verdict, const std::stop_token& stop);
    HttpResponse answer_api(const HttpRequest& request, Verdict verdict, const std::stop_token& stop);
    HttpResponse page(const HttpRequest& request, const Principal& who, const std::stop_token& stop) const;
    HttpResponse refuse_host(const HttpRequest& request) const;
    HttpResponse callback(const HttpRequest& request, const std::stop_token& stop) const;

    std::mutex saving_;
    AdminContext context_;
    const std::vector<ListenAddress> listen_;
    std::vector<std::string> base_;  // segments of admin.base_path
    std::string base_path_;
    Router router_;
};

// The envelope of `error` with the status that fits it.
// `texts`: in which language its sentences are; null: English.
HttpResponse error_response(const std::string& command, const Error& error, Json data = nullptr, int status = 0, const TextCatalogue* texts = nullptr);
int http_status_of(const Error& error);
HttpResponse json_response(int status, const Json& envelope);

}  // namespace oracxfs
