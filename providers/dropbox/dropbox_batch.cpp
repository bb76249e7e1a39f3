// Small files together: each one's bytes in a session of its own that is closed at once, several at a time; then one
// finish_batch_v2 for all of them, so that a file costs little more than a request and commits don't queue up.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/crash_point.h"
#include "providers/dropbox/content_hash.h"
#include "providers/dropbox/dropbox_provider_impl.h"
#include "providers/dropbox/dropbox_publish.h"
#include "providers/dropbox/dropbox_upload.h"

namespace oracxfs {
namespace dropbox {
namespace {

constexpr std::size_t kEntriesMax = 500;   // of 1000
constexpr std::size_t kBatchFrom = 3;      // two files alone are cheaper by themselves
constexpr int kRepeatsMax = 4;
constexpr Millis kPause{1'000};

struct SmallFile {
    std::size_t index = 0;  // in the caller's requests
    PutRequest* request = nullptr;
    std::uint64_t size = 0;
    Sha256 hash{};
    std::string session;
    bool in_doubt = false;
    std::optional<Result<PutResult>> outcome;
};

class Batch {
  public:
    Batch(DropboxHome& home, const OpContext& ctx, std::vector<SmallFile>& files) : home_(home), ctx_(ctx), files_(files) {}

    // Afterwards every file has an outcome.
    void run() {
        for (SmallFile& file : files_)
            if (Status allowed = check(file); !allowed) file.outcome = fail(std::move(allowed).error());
        send_all();
        commit_all();
    }

  private:
    Status check(const SmallFile& file) {
        ORACX_TRYV(still_wanted(ctx_, home_.clock));
        return home_.check_parents(ctx_, file.request->key);
    }

    void send_all() {
        const std::size_t threads = std::min<std::size_t>(home_.config.connections, files_.size());
        std::atomic<std::size_t> next = 0;
        std::vector<std::jthread> workers;
        const auto work = [&] {
            for (std::size_t i = next++; i < files_.size(); i = next++)
                if (SmallFile& file = files_[i]; !file.outcome)
                    if (Status sent = send(file); !sent) file.outcome = fail(std::move(sent).error());
        };
        for (std::size_t i = 1; i < threads; ++i) workers.emplace_back(work);
        work();
    }

    Status send(SmallFile& file) {
        ORACX_TRYV(still_wanted(ctx_, home_.clock));
        const DeadlineStop stop(ctx_, home_.clock);
        const auto digests = file.request->content->digests();
        if (!digests || digests->size != file.size) return fail(Errc::changed, "read the content", "it changed its size");
        std::vector<std::byte> data(static_cast<std::size_t>(file.size));
        for (std::size_t filled = 0; filled < data.size();) {
            const auto got = file.request->content->read_at(filled, std::span(data).subspan(filled), stop.token());
            if (!got) return fail(got.error().code == Errc::cancelled ? stop.reason(got.error()) : got.error());
            if (*got == 0) return fail(Errc::changed, "read the content", "it is shorter than it was");
            filled += *got;
        }
        file.hash = content_hash_of(block_digests(data));
        if (const auto known = content_hash_of(*digests); known && *known != file.hash)
            return fail(Errc::changed, "read the content", "it is not what it was when it was hashed");
        const Json argument = Json::object({{"close", true}, {"content_hash", to_hex(file.hash)}});
        for (int repeats = 0;; ++repeats) {
            auto reply = home_.api->upload(ctx_, "files/upload_session/start", argument, data);
            if (reply && reply->ok()) {
                file.session = reply->result["session_id"].as_string();
                if (file.session.empty()) return fail(Errc::unavailable, "upload", "the answer names no session");
                return {};
            }
            const bool hiccup = reply ? reply->in_doubt() || reply->problem.has("content_hash_mismatch") : is_hiccup(reply.error());
            if (!hiccup || repeats == 2) return fail(reply ? error_of(*reply, "upload") : std::move(reply).error());
            ORACX_TRYV(home_.pause(ctx_, home_.jitter(kPause / 2)));
        }
    }

    [[nodiscard]] std::vector<SmallFile*> open_files() {
        std::vector<SmallFile*> open;
        for (SmallFile& file : files_)
            if (!file.outcome && open.size() < kEntriesMax) open.push_back(&file);
        return open;
    }

    void commit_all() {
        int repeats = 0;
        for (std::vector<SmallFile*> open = open_files(); !open.empty(); open = open_files()) {
            Json entries = Json::array();
            for (const SmallFile* file : open)
                entries.push(Json::object({{"cursor", Json::object({{"session_id", file->session}, {"offset", file->size}})},
                                           {"commit", commit_info(home_.names.path_of(file->request->key), file->request->options)}}));
            const Json argument = Json::object({{"entries", std::move(entries)}});
            ORACX_CRASH_POINT("dropbox.before_batch");
            const auto reply = home_.commit(ctx_, [&] {
                return home_.api->rpc(ctx_, "files/upload_session/finish_batch_v2", argument, DropboxApi::Repeat::unsafe);
            });
            if (reply && reply->ok()) {
                settle_entries(open, reply->result["entries"].items());
            } else {
                settle_failure(open, reply);
            }
            const auto left = static_cast<std::size_t>(std::count_if(open.begin(), open.end(), [](const SmallFile* file) { return !file->outcome; }));
            if (left == 0) {
                repeats = 0;
                continue;
            }
            Status waited;
            if (++repeats > kRepeatsMax)
                waited = fail(Error(Errc::throttled, "commit", "too_many_write_operations").with_retry_after(Millis(5'000)));
            else
                waited = home_.pause(ctx_, home_.jitter(kPause * (1 << (repeats - 1))));
            if (waited) continue;
            for (SmallFile* file : open)
                if (!file->outcome) give_up(*file, waited.error());
        }
    }

    static void give_up(SmallFile& file, Error error) {
        if (file.in_doubt) error.code = Errc::outcome_unknown;
        file.outcome = fail(std::move(error));
    }

    Publication publication(const SmallFile& file) const { return {file.request->key, file.request->options, file.size, file.hash}; }

    void take(SmallFile& file, Result<RemoteObject> object) {
        if (!object) {
            file.outcome = fail(std::move(object).error());
            return;
        }
        if (file.request->options.on_progress) file.request->options.on_progress(file.size, {});
        file.outcome = PutResult{std::move(*object), true, 0};
    }

    // In the order of the request. Each entry has an outcome of its own, whatever the status of the whole.
    void settle_entries(const std::vector<SmallFile*>& open, const Json::Array& entries) {
        for (std::size_t i = 0; i < open.size(); ++i) {
            SmallFile& file = *open[i];
            if (i >= entries.size()) {
                file.outcome = fail(Errc::outcome_unknown, "commit", "the answer is too short");
                continue;
            }
            if (entries[i][".tag"].as_string() == "success") {
                const auto stored = parse_metadata(entries[i]);
                take(file, stored ? accept(home_, ctx_, publication(file), *stored) : Result<RemoteObject>(fail(stored.error())));
                continue;
            }
            Reply failure;
            failure.status = 409;
            failure.problem = problem_of(entries[i]["failure"]);
            if (failure.problem.has("too_many_write_operations")) continue;  // once more
            if (failure.conflict()) {
                take(file, explain_conflict(home_, ctx_, publication(file), file.in_doubt));
            } else if (file.in_doubt) {
                look(file, error_of(failure, "commit"));
            } else {
                Error error = error_of(failure, "commit");
                if (failure.problem.has("lookup_failed")) error.code = Errc::unavailable;  // the session, not the file
                give_up(file, std::move(error));
            }
        }
    }

    void settle_failure(const std::vector<SmallFile*>& open, const Result<Reply>& reply) {
        const bool lost = reply ? reply->in_doubt() : reply.error().code == Errc::outcome_unknown;
        const bool unsent = reply && reply->problem.has("too_many_write_operations");
        if (unsent) return;
        const Error error = reply ? error_of(*reply, "commit") : reply.error();
        for (SmallFile* file : open) {
            if (!lost) {
                give_up(*file, error);
                continue;
            }
            // What is not there may still come: once more, where a conflict will tell.
            const bool first = !file->in_doubt;
            file->in_doubt = true;
            if (first && !error.silent)
                look(*file, std::nullopt);
            else
                give_up(*file, error);
        }
    }

    // After a lost answer. Without `otherwise` the file stays open when it is not there.
    void look(SmallFile& file, const std::optional<Error>& otherwise) {
        auto found = look_for(home_, ctx_, publication(file));
        if (!found) {
            file.outcome = fail(std::move(found).error());
        } else if (*found) {
            take(file, std::move(**found));
        } else if (otherwise) {
            give_up(file, *otherwise);
        }
    }

    DropboxHome& home_;
    const OpContext& ctx_;
    std::vector<SmallFile>& files_;
};

}  // namespace
}  // namespace dropbox

void DropboxProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                                const std::function<void(std::size_t, Result<PutResult>)>& done) {
    using namespace dropbox;
    std::vector<SmallFile> files;
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        PutRequest& request = requests[i];
        const auto size = request.content->size();
        if (!size || *size > capabilities_.small_bytes || request.key.empty() || !check_storable(request.key)) {
            others.push_back(i);
            continue;
        }
        SmallFile file;
        file.index = i;
        file.request = &request;
        file.size = *size;
        files.push_back(std::move(file));
    }
    if (files.size() < kBatchFrom) {
        for (const SmallFile& file : files) others.push_back(file.index);
        files.clear();
    }
    for (std::size_t begin = 0; begin < files.size(); begin += kEntriesMax) {
        const std::size_t end = std::min(files.size(), begin + kEntriesMax);
        std::vector<SmallFile> part(std::make_move_iterator(files.begin() + static_cast<std::ptrdiff_t>(begin)),
                                    std::make_move_iterator(files.begin() + static_cast<std::ptrdiff_t>(end)));
        Batch(home_, ctx, part).run();
        for (SmallFile& file : part) done(file.index, named(std::move(*file.outcome), "put", file.request->key));
    }
    for (const std::size_t i : others) done(i, put(ctx, requests[i].key, *requests[i].content, requests[i].options));
}

}  // namespace oracxfs
