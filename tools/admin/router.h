#pragma once
// Which handler answers which path. Patterns as in "/backups/{id}/files"; a parameter is one whole segment.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/op_context.h"
#include "tools/admin/accounts.h"
#include "tools/admin/http_message.h"

namespace oracxfs {

// Who asks, once that is known.
struct ApiCall {
    const HttpRequest& request;
    std::map<std::string, std::string, std::less<>> params;  // of the path
    Json body;                                               // null: none was sent
    Principal who;
    std::stop_token stop;

    [[nodiscard]] const std::string& param(std::string_view name) const;
};

// What a route answers: data for the envelope, or a response of its own.
struct ApiAnswer {
    ApiAnswer(Json value) : data(std::move(value)) {}                      // NOLINT(google-explicit-constructor)
    ApiAnswer(HttpResponse response) : raw(std::move(response)) {}         // NOLINT(google-explicit-constructor)
    static ApiAnswer with_status(int status, Json value) {
        ApiAnswer answer(std::move(value));
        answer.status = status;
        return answer;
    }
    static ApiAnswer failed(Error error, Json value = nullptr) {
        ApiAnswer answer(std::move(value));
        answer.error = std::move(error);
        return answer;
    }

    int status = 0;  // 0: 200, or what fits the error
    Json data;
    std::optional<Error> error;
    HttpFields headers;
    std::optional<HttpResponse> raw;
};

struct Route {
    std::string method;   // "GET" (answers HEAD as well)
    std::string pattern;  // "/runs/{run}"
    Scope scope = Scope::admin;
    std::function<Result<ApiAnswer>(const ApiCall& call)> answer;
    bool slow = false;    // waits for networks
    std::string command = {};  // for the envelope; "" = made from the pattern
};

// Filled before it is used; constant and thread-safe afterwards.
class Router {
  public:
    void add(Route route);
    struct Match {
        const Route* route = nullptr;  // null: see `allowed`
        std::map<std::string, std::string, std::less<>> params;
        std::vector<std::string> allowed;  // methods that this path knows; empty: no such path
    };
    // `segments`: of the path, decoded.
    [[nodiscard]] Match find(std::string_view method, const std::vector<std::string>& segments) const;
    [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

  private:
    std::vector<Route> routes_;
    std::vector<std::vector<std::string>> patterns_;  // of routes_, taken apart
};

}  // namespace oracxfs
