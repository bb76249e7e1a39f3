#pragma once
// The process dies before or after a call takes effect.

#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "providers/forwarding.h"
#include "tests/sim/marks.h"

namespace oracxfs::test {

struct Crash {};

class CrashingProvider final : public ForwardingProvider {
  public:
    // `rate`: of crashes, for each moment.
    CrashingProvider(std::unique_ptr<Provider> inner, std::mt19937_64& random, const double& rate, Marks& marks)
        : ForwardingProvider(std::move(inner)), random_(random), rate_(rate), marks_(marks) {}

    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) override {
        return between(options.replaces ? "put over" : "put", [&] { return inner().put(ctx, key, content, options); });
    }
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override {
        inner().put_batch(ctx, requests, [&](std::size_t i, Result<PutResult> result) {
            note("batch put", result);
            die("batch put");
            done(i, std::move(result));
        });
    }
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override { return noted("stat", inner().stat(ctx, key)); }
    Status verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) override {
        return noted("verify", inner().verify(ctx, object, expected));
    }
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override {
        return between("remove", [&] { return inner().remove(ctx, object, mode); });
    }
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override {
        const std::string what = object.is_directory                                  ? "move folder"
                                 : is_internal_name(base_name(to))                    ? "move aside"
                                 : to.find("conflicted copy") != std::string::npos    ? "keep stranger"
                                 : replaces                                           ? "move over"
                                                                                      : "move";
        return between(what, [&] { return inner().rename(ctx, object, to, replaces); });
    }
    Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) override {
        return between("make folder", [&] { return inner().make_directory(ctx, key); });
    }
    Status remove_directory(const OpContext& ctx, const ObjectKey& key) override {
        return between("remove folder", [&] { return inner().remove_directory(ctx, key); });
    }

  private:
    template <class Result>
    void note(const std::string& what, const Result& result) {
        marks_.hit(what + ": " + std::string(result ? "done" : info(result.error().code).e_code));
    }
    template <class Result>
    Result noted(const std::string& what, Result result) {
        note(what, result);
        return result;
    }
    template <class Call>
    std::invoke_result_t<const Call&> between(const std::string& what, const Call& call) {
        die("before " + what);
        auto result = noted(what, call());
        die("after " + what);
        return result;
    }
    void die(const std::string& where) {
        if (rate_ <= 0 || std::uniform_real_distribution<double>(0, 1)(random_) >= rate_) return;
        marks_.hit("crash " + where);
        throw Crash{};
    }

    std::mt19937_64& random_;
    const double& rate_;
    Marks& marks_;
};

}  // namespace oracxfs::test
