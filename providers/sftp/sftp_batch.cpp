#include <algorithm>
#include <deque>

#include "base/crash_point.h"
#include "providers/sftp/sftp_provider_impl.h"
#include "providers/sftp/sftp_publish.h"
#include "providers/sftp/sftp_upload.h"

// Small files, hundreds at once on one connection, three round trips each:
//   1  OPEN the part
//   2  WRITE, FSETSTAT, fsync, FSTAT, READ it all back, LSTAT the target if that is needed
//   3  CLOSE and RENAME, once the bytes read back are the bytes of the blob
// The window rolls: a file takes the place of another as soon as that is done.

namespace oracxfs {
namespace sftp {
namespace {

constexpr std::size_t kFilesAtOnceMax = 1'024;
constexpr std::uint64_t kWindowBytes = 4u << 20;  // written or read back, without an answer
constexpr std::size_t kQueueBytesMax = 512u << 10;

// One file on its way.
class SmallUpload {
  public:
    enum class Stage { opening, ready, storing, publishing, explaining, done };

    SmallUpload(SftpHome& home, SftpChannel& channel, const ObjectKey& key, BlobReader& content, const PutOptions& options)
        : home_(home), channel_(channel), key_(key), content_(content), options_(options),
          part_(home.part_path(options.upload_id)) {}
    SmallUpload(const SmallUpload&) = delete;
    SmallUpload& operator=(const SmallUpload&) = delete;

    [[nodiscard]] Stage stage() const { return stage_; }
    [[nodiscard]] bool in_doubt() const { return publisher_ && publisher_->in_doubt(); }
    [[nodiscard]] Result<PutResult>& outcome() { return outcome_; }

    void open() {
        channel_.open_file(part_, kOpenRead | kOpenWrite | kOpenCreate | kOpenTruncate, [this](Answer& answer) {
            if (!answer.ok()) return refuse(answer);
            handle_ = answer.handle;
            stage_ = Stage::ready;
        });
    }

    // The second round trip. Errors are those of the blob.
    void store(const std::stop_token& stop) {
        stage_ = Stage::storing;
        const auto size = content_.size();
        const auto digests = content_.digests();
        if (!size || !digests || digests->size != *size)
            return finish(fail(Errc::changed, "read the content", "it is not complete any more"));
        data_.resize(*size);
        for (std::size_t filled = 0; filled < data_.size();) {
            const auto got = content_.read_at(filled, std::span(data_).subspan(filled), stop);
            if (!got) return finish(fail(got.error()));
            if (*got == 0) return finish(fail(Errc::changed, "read the content", "it is shorter than it was"));
            filled += *got;
        }
        const std::size_t piece = channel_.abilities().write_bytes;
        for (std::size_t at = 0; at < data_.size(); at += piece)
            expect([&](Handler handler) {
                channel_.write(handle_, at, std::span(data_).subspan(at, std::min(piece, data_.size() - at)), std::move(handler));
            });
        settle_attributes();
        read_back_.emplace(channel_, handle_, 0, [this](std::span<const std::byte> data) {
            const std::uint64_t at = compared_;
            compared_ += data.size();
            same_ = same_ && compared_ <= data_.size() &&
                    std::equal(data.begin(), data.end(), data_.begin() + static_cast<std::ptrdiff_t>(at));
            return true;
        });
        read_back_->request(data_.size(), UINT64_MAX);
        if (Publisher::needs_target(channel_, options_.replaces.has_value())) {
            ++missing_;
            channel_.lstat(home_.path(key_), [this](Answer& answer) {
                target_ = answer;
                --missing_;
            });
        }
        // Answers may come in any order, so each step asks whether everything is here. This one comes last on servers
        // that keep the order; its answer moves the file on without another look.
    }

    // Everything of the second round trip has been answered: the third. Called after each round of answers.
    void advance() {
        if (stage_ != Stage::storing || missing_ > 0 || !(compared_ >= data_.size() || read_back_->stopped())) return;
        if (failure_) return refuse(*failure_);
        if (read_back_->failure()) return refuse(*read_back_->failure());
        if (!same_ || compared_ != data_.size() || status_.attrs.size != data_.size())
            return finish(fail(Errc::corrupt, "verify", "what the server stored differs from what was sent"));
        stage_ = Stage::publishing;
        ORACX_CRASH_POINT("sftp.batch.before_publish");
        if (options_.replaces) home_.pool.forget_handles(key_);
        publisher_ = std::make_unique<Publisher>(home_, channel_,
                                                 PublishJob{.from = part_,
                                                            .key = key_,
                                                            .replaces = options_.replaces,
                                                            .keep_replaced = options_.keep_replaced,
                                                            .close_handle = std::exchange(handle_, {}),
                                                            .attrs = status_.attrs},
                                                 [this](Status status) { published(std::move(status)); });
        publisher_->start(target_);
    }

    // Ends with this error; for the caller when the connection is gone or nobody waits any more.
    void give_up(Error error) {
        if (in_doubt()) error.code = Errc::outcome_unknown;
        outcome_ = fail(std::move(error));
        stage_ = Stage::done;
    }
    // Queues the removal of what was begun.
    void discard() {
        if (!handle_.empty()) channel_.close(std::exchange(handle_, {}));
        channel_.remove(part_, {});
    }

  private:
    void expect(const std::function<void(Handler)>& request) {
        ++missing_;
        request([this](Answer& answer) {
            --missing_;
            if (!answer.ok() && !failure_) failure_ = answer;
        });
    }

    void settle_attributes() {
        const auto tolerant = [this](Answer& answer) {
            --missing_;
            if (!answer.ok() && answer.code != Fx::op_unsupported && !failure_) failure_ = answer;
        };
        if (options_.mtime_ns > 0) {
            ++missing_;
            Attrs attrs;
            attrs.mtime = static_cast<std::uint32_t>(options_.mtime_ns / 1'000'000'000);
            channel_.fsetstat(handle_, attrs, tolerant);
        }
        if (channel_.abilities().fsync) {
            ++missing_;
            channel_.fsync(handle_, tolerant);
        }
        ++missing_;
        channel_.fstat(handle_, [this](Answer& answer) {
            --missing_;
            status_ = answer;
            if (!answer.ok() && !failure_) failure_ = answer;
        });
    }

    void published(Status status) {
        if (!status) return finish(fail(std::move(status).error()));
        ORACX_CRASH_POINT("sftp.batch.published");
        PutResult result;
        result.object = object_of(key_, publisher_->attrs());
        result.object.sha256 = content_.digests()->sha256;
        result.verified = true;
        if (options_.on_progress) options_.on_progress(result.object.size, {});
        outcome_ = std::move(result);
        stage_ = Stage::done;
        data_ = {};
    }

    void finish(tl::unexpected<Error> error) {
        outcome_ = std::move(error);
        stage_ = Stage::done;
        data_ = {};
        discard();
    }

    // FX_FAILURE of a full disk looks like any other: the file system's numbers tell.
    void refuse(const Answer& answer) {
        Error error = answer.absent() ? Error(Errc::unavailable, "write", "the folder has gone from the server")
                                      : error_of(answer, "write");
        if (answer.code != Fx::failure || !channel_.abilities().statvfs) return finish(fail(std::move(error)));
        stage_ = Stage::explaining;
        channel_.statvfs(home_.path({}), [this, error](Answer& numbers) mutable {
            if (numbers.ok()) {
                if (const auto space = decode_statvfs(numbers.extended)) note_full_disk(*space, data_.size(), error);
            }
            finish(fail(std::move(error)));
        });
    }

    SftpHome& home_;
    SftpChannel& channel_;
    const ObjectKey& key_;
    BlobReader& content_;
    const PutOptions& options_;
    const std::string part_;

    Stage stage_ = Stage::opening;
    std::string handle_;
    std::vector<std::byte> data_;
    unsigned missing_ = 0;
    std::optional<Answer> failure_, target_;
    Answer status_;
    std::optional<OrderedReader> read_back_;
    std::uint64_t compared_ = 0;
    bool same_ = true;
    std::unique_ptr<Publisher> publisher_;
    Result<PutResult> outcome_ = fail(Errc::internal, "put", "never finished");
};

struct SmallRequest {
    const ObjectKey* key;
    BlobReader* content;
    const PutOptions* options;
    std::size_t index;
};

// Carries the requests out on one connection. What is left in `requests` afterwards has not been begun.
class Batch {
  public:
    using Done = std::function<void(std::size_t, Result<PutResult>)>;

    Batch(SftpHome& home, SftpPool::Lease& lease, const Waiter& waiter, std::deque<SmallRequest>& requests, const Done& done)
        : home_(home), channel_(lease.channel()), waiter_(waiter), requests_(requests), done_(done),
          files_at_once_(std::min<std::size_t>(kFilesAtOnceMax, lease.channel().abilities().handles)) {}
    ~Batch() { channel_.detach_handlers(); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    Status run() {
        while (!requests_.empty() || !active_.empty()) {
            open_more();
            advance_all();
            if (active_.empty()) continue;
            if (Status driven = channel_.drive(waiter_); !driven) return give_up(std::move(driven).error());
        }
        // The last removals of failed ones are sent off; their answers are of no interest.
        channel_.detach_handlers();
        (void)channel_.pump();
        return {};
    }
    [[nodiscard]] bool anything_answered() const { return anything_answered_; }

  private:
    struct Active {
        std::size_t index;
        std::unique_ptr<SmallUpload> upload;
    };

    void open_more() {
        while (!requests_.empty() && active_.size() < files_at_once_ && channel_.queued_bytes() < kQueueBytesMax) {
            const SmallRequest& next = requests_.front();
            active_.push_back(
                {next.index, std::make_unique<SmallUpload>(home_, channel_, *next.key, *next.content, *next.options)});
            active_.back().upload->open();
            requests_.pop_front();
        }
    }

    void advance_all() {
        for (Active& file : active_) {
            using Stage = SmallUpload::Stage;
            if (file.upload->stage() == Stage::ready && channel_.in_flight_bytes() < kWindowBytes &&
                channel_.queued_bytes() < kQueueBytesMax) {
                anything_answered_ = true;
                file.upload->store(waiter_.context().stop);
            }
            file.upload->advance();
            if (file.upload->stage() == Stage::done) {
                anything_answered_ = true;
                done_(file.index, std::move(file.upload->outcome()));
                finished_.push_back(std::move(file.upload));
            }
        }
        std::erase_if(active_, [](const Active& file) { return !file.upload; });
        // Kept until no answer can refer to them.
        if (channel_.outstanding() == 0) finished_.clear();
    }

    Status give_up(Error error) {
        channel_.detach_handlers();
        // A connection that was dead from the start: nothing has happened, the caller tries another one.
        if (channel_.dead() && !anything_answered_ && !channel_.stalled()) {
            return fail(std::move(error));
        }
        const bool alive = !channel_.dead();
        for (Active& file : active_) {
            file.upload->give_up(error);
            if (alive && file.upload->outcome().error().code != Errc::outcome_unknown) file.upload->discard();
            done_(file.index, std::move(file.upload->outcome()));
        }
        active_.clear();
        if (alive) (void)channel_.pump();
        anything_answered_ = true;
        return fail(std::move(error));
    }

    SftpHome& home_;
    SftpChannel& channel_;
    const Waiter& waiter_;
    std::deque<SmallRequest>& requests_;
    const Done& done_;
    const std::size_t files_at_once_;
    std::deque<Active> active_;
    std::vector<std::unique_ptr<SmallUpload>> finished_;
    bool anything_answered_ = false;
};

void put_small(SftpHome& home, const OpContext& ctx, std::deque<SmallRequest> requests, const Batch::Done& done) {
    const Waiter waiter(ctx, home.clock);
    std::optional<Error> error;
    for (bool again = false;; again = true) {
        auto lease = home.pool.take(waiter);
        if (!lease) {
            error = std::move(lease).error();
            break;
        }
        std::deque<SmallRequest> attempt = requests;
        Status ran;
        bool fruitless = false;
        {
            Batch batch(home, *lease, waiter, attempt, done);
            ran = batch.run();
            fruitless = !batch.anything_answered();
        }
        if (ran) return;
        if (lease->channel().dead()) home.pool.forget_idle();
        if (fruitless && lease->reused() && !again) continue;
        error = std::move(ran).error();
        if (!fruitless) requests = std::move(attempt);
        break;
    }
    for (const SmallRequest& request : requests) done(request.index, fail(*error));
}

Result<PutResult> named(Result<PutResult> result, const std::string& provider, const ObjectKey& key) {
    if (result) return result;
    return fail(std::move(result).error().at("put").with_provider(provider).with_path(key));
}

}  // namespace
}  // namespace sftp

Result<PutResult> SftpProvider::put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                                    const PutOptions& options) {
    std::optional<Result<PutResult>> outcome;
    const auto done = [&](Result<PutResult> result) {
        outcome = sftp::named(std::move(result), home_.config.name, key);
    };
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "put", "a name is needed");
    ORACX_TRYV(require_hash(ctx));
    const auto size = content.size();
    if (size && *size <= capabilities_.small_bytes && content.digests()) {
        sftp::put_small(home_, ctx, {{&key, &content, &options, 0}},
                        [&](std::size_t, Result<PutResult> result) { done(std::move(result)); });
    } else {
        const sftp::Waiter waiter(ctx, home_.clock);
        done(sftp::Upload(home_, waiter, key, content, options).run());
    }
    return std::move(*outcome);
}

void SftpProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                             const std::function<void(std::size_t, Result<PutResult>)>& done) {
    if (const Status able = require_hash(ctx); !able) {
        for (std::size_t i = 0; i < requests.size(); ++i)
            done(i, sftp::named(fail(able.error()), home_.config.name, requests[i].key));
        return;
    }
    std::deque<sftp::SmallRequest> small;
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const PutRequest& request = requests[i];
        const auto size = request.content->size();
        const bool fits = size && *size <= capabilities_.small_bytes && request.content->digests() &&
                          !request.key.empty() && check_key(request.key);
        if (fits) small.push_back({&request.key, request.content.get(), &request.options, i});
        else others.push_back(i);
    }
    const auto finish = [&](std::size_t i, Result<PutResult> result) {
        done(i, sftp::named(std::move(result), home_.config.name, requests[i].key));
    };
    if (!small.empty()) sftp::put_small(home_, ctx, std::move(small), finish);
    for (const std::size_t i : others) done(i, put(ctx, requests[i].key, *requests[i].content, requests[i].options));
}

}  // namespace oracxfs
