#include "tools/activity/activity_log.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "base/log.h"
#include "tools/activity/activity_files.h"

namespace oracxfs {
namespace {

constexpr std::size_t kWaitingMax = 10'000;   // entries that the disk did not take yet, and those not yet looked at
constexpr std::size_t kMessageBytesMax = 4'000;
constexpr Millis kTryAgain{30'000};           // after the disk was full, unless something happens before

// Whatever they hold, messages are for eyes.
Json redacted(const Json& value) {
    if (value.is_string()) return log::redact(value.as_string());
    if (value.is_array()) {
        Json copy = Json::array();
        for (const Json& item : value.items()) copy.push(redacted(item));
        return copy;
    }
    if (value.is_object()) {
        Json copy = Json::object();
        for (const auto& [key, item] : value.members()) copy.set(key, redacted(item));
        return copy;
    }
    return value;
}

// The current file and its rotation. One thread at a time.
class ActivityWriter {
  public:
    ActivityWriter(Disk& disk, ActivityOptions options) : disk_(disk), options_(std::move(options)) {}

    // Goes on where the last writer ended; what it left of a line is cut off. Gives the newest entries.
    Result<std::vector<ActivityEntry>> open(WallTime now) {
        std::uint64_t whole = 0;
        if (auto content = read_activity_text(disk_, path())) {
            whole = (*content)->whole_bytes;
            for (const std::string_view line : (*content)->lines)
                if (const auto entry = activity_from_line(line)) {
                    note_first(*entry);
                    break;
                }
        } else if (content.error().code != Errc::not_found) {
            return fail(std::move(content).error());
        }
        ORACX_TRY(ActivityPage page, read_activity(disk_, options_.directory, {}, options_.ring));
        ORACX_TRYV(open_file(whole));
        if (too_old(now)) ORACX_TRYV(rotate());
        return std::move(page.entries);
    }

    Status write(const ActivityEntry& entry, const std::string& line) {
        if (size_ > 0 && (size_ + line.size() > options_.rotate_bytes || too_old(entry.at))) ORACX_TRYV(rotate());
        if (!file_) ORACX_TRYV(open_file(size_));
        if (Status written = file_->write_at(size_, std::as_bytes(std::span(line))); !written) {
            (void)file_->truncate(size_);  // half a line is no line; if that fails too, readers leave it out
            return written;
        }
        note_first(entry);
        size_ += line.size();
        return {};
    }

    void set_limits(std::uint64_t rotate_bytes, std::size_t rotated_files, Millis rotate_age) {
        options_.rotate_bytes = rotate_bytes;
        options_.rotated_files = rotated_files;
        options_.rotate_age = rotate_age;
    }

    Status forget(WallTime before) {
        ORACX_TRY(const auto files, rotated_activity(disk_, options_.directory));
        for (const RotatedActivity& file : files) {
            const std::string name = options_.directory + "/" + file.name;
            const auto content = read_activity_text(disk_, name);
            if (!content) continue;
            const auto& lines = (*content)->lines;
            const auto last = lines.empty() ? Result<ActivityEntry>(fail(Errc::not_found, "an entry")) : activity_from_line(lines.back());
            if (last && last->at < before) ORACX_TRYV(disk_.remove(name));
        }
        return {};
    }

  private:
    [[nodiscard]] std::string path() const { return options_.directory + "/" + kActivityFile; }
    [[nodiscard]] bool too_old(WallTime now) const { return first_seq_ != 0 && now - first_at_ > options_.rotate_age; }
    void note_first(const ActivityEntry& entry) {
        if (first_seq_ != 0) return;
        first_seq_ = entry.seq;
        first_at_ = entry.at;
    }

    Status open_file(std::uint64_t whole) {
        auto file = disk_.open(path(), OpenMode::read_write);
        if (!file && file.error().code == Errc::not_found) file = disk_.open(path(), OpenMode::create_new);
        if (!file) return fail(std::move(file).error());
        ORACX_TRY(const std::uint64_t size, (*file)->size());
        if (size > whole) ORACX_TRYV((*file)->truncate(whole));
        size_ = std::min(size, whole);
        file_ = std::move(*file);
        return {};
    }

    Status rotate() {
        if (first_seq_ == 0) return {};
        ORACX_TRYV(disk_.rename(path(), options_.directory + "/" + rotated_activity_name(first_seq_)));
        file_.reset();
        size_ = 0;
        first_seq_ = 0;
        ORACX_TRY(const auto files, rotated_activity(disk_, options_.directory));
        for (std::size_t i = 0; i + options_.rotated_files < files.size(); ++i) ORACX_TRYV(disk_.remove(options_.directory + "/" + files[i].name));
        return open_file(0);
    }

    Disk& disk_;
    ActivityOptions options_;
    std::unique_ptr<DiskFile> file_;
    std::uint64_t size_ = 0;
    std::uint64_t first_seq_ = 0;  // of the current file; 0 = it is empty
    WallTime first_at_;
};

class ActivityLogImpl final : public ActivityLog {
  public:
    ActivityLogImpl(Disk& disk, Clock& clock, const ActivityOptions& options)
        : clock_(clock), ring_max_(options.ring), next_seq_(std::max<std::uint64_t>(options.first_seq, 1)), writer_(disk, options), disk_(disk), directory_(options.directory) {}

    Status start() {
        ORACX_TRY(auto newest, writer_.open(clock_.wall()));
        for (ActivityEntry& entry : newest) {
            next_seq_ = std::max(next_seq_, entry.seq + 1);
            note_events(entry);
            ring_.push_back(std::move(entry));
        }
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
        return {};
    }
    ~ActivityLogImpl() override {
        if (!thread_.joinable()) return;
        thread_.request_stop();
        thread_.join();
    }

    void publish(ActivityEntry entry) override {
        {
            const std::lock_guard lock(mutex_);
            ++published_;
            if (inbox_.size() >= kWaitingMax) {
                inbox_.pop_front();
                ++taken_;
                ++lost_;
                ++untold_;
            }
            inbox_.push_back(std::move(entry));
        }
        changed_.notify_all();
    }

    void set_source(std::function<void()> bring_all) override {
        const std::lock_guard lock(source_mutex_);
        source_ = std::move(bring_all);
    }

    std::unique_ptr<ActivitySubscription> subscribe(std::uint64_t since_seq, Listener listener) override;

    Result<ActivityPage> read(const ActivityFilter& filter, std::size_t limit, std::uint64_t before_seq) override {
        flush();
        ActivityPage page;
        std::uint64_t reached = before_seq;
        if (limit == 0) return page;
        {
            const std::lock_guard lock(delivery_mutex_);
            for (auto entry = ring_.rbegin(); entry != ring_.rend() && page.entries.size() < limit; ++entry) {
                if (before_seq != 0 && entry->seq >= before_seq) continue;
                reached = entry->seq;
                if (filter.matches(*entry)) page.entries.push_back(*entry);
            }
        }
        std::reverse(page.entries.begin(), page.entries.end());
        if (page.entries.size() < limit && reached != 1 && (reached == 0 || reached > filter.after_seq + 1)) {
            ORACX_TRY(ActivityPage older, read_activity(disk_, directory_, filter, limit - page.entries.size(), reached));
            page.entries.insert(page.entries.begin(), std::make_move_iterator(older.entries.begin()), std::make_move_iterator(older.entries.end()));
        }
        if (page.entries.size() == limit) page.older = page.entries.front().seq;
        return page;
    }

    void flush() override {
        {
            const std::lock_guard lock(source_mutex_);
            if (source_) source_();
        }
        std::unique_lock lock(mutex_);
        const std::uint64_t wanted = published_;
        pushed_ = true;
        changed_.notify_all();
        handled_.wait(lock, [&] { return done_ >= wanted && !pushed_; });
    }

    std::uint64_t last_seq() const override {
        const std::lock_guard lock(delivery_mutex_);
        return next_seq_ - 1;
    }
    std::int64_t events_through() const override {
        const std::lock_guard lock(delivery_mutex_);
        return through_;
    }
    std::set<std::int64_t> events_beyond() const override {
        const std::lock_guard lock(delivery_mutex_);
        return beyond_;
    }

    void set_limits(std::uint64_t rotate_bytes, std::size_t rotated_files, Millis rotate_age) override {
        const std::lock_guard lock(writer_mutex_);
        writer_.set_limits(rotate_bytes, rotated_files, rotate_age);
    }
    void forget(WallTime before) override {
        {
            const std::lock_guard lock(delivery_mutex_);
            while (!ring_.empty() && ring_.front().at < before) ring_.pop_front();
        }
        const std::lock_guard lock(writer_mutex_);
        if (const Status done = writer_.forget(before); !done) log::warn("activity", done.error().to_string());
    }
    Health health() const override {
        const std::lock_guard lock(mutex_);
        return {waiting_, lost_, error_};
    }

  private:
    struct Subscriber {
        Listener listener;
    };
    class Subscription;

    void run(const std::stop_token& stop) {
        for (bool last = false; !last;) {
            std::deque<ActivityEntry> batch;
            std::uint64_t untold = 0;
            {
                std::unique_lock lock(mutex_);
                const auto wanted = [&] { return !inbox_.empty() || pushed_; };
                if (unwritten_.empty())
                    changed_.wait(lock, stop, wanted);
                else
                    changed_.wait_for(lock, stop, kTryAgain, wanted);
                last = stop.stop_requested() && inbox_.empty();
                batch.swap(inbox_);
                taken_ += batch.size();
                untold = std::exchange(untold_, 0);
                pushed_ = false;
            }
            if (untold > 0) batch.push_front(loss_of(untold));
            for (ActivityEntry& entry : batch) deliver(std::move(entry));
            write_waiting();
            {
                const std::lock_guard lock(mutex_);
                done_ = taken_;
            }
            handled_.notify_all();
        }
    }

    static ActivityEntry loss_of(std::uint64_t count) {
        ActivityEntry entry;
        entry.level = ActivityLevel::warning;
        entry.category = "service";
        entry.kind = "log_gap";
        entry.message = std::to_string(count) + (count == 1 ? " entry of this log was" : " entries of this log were") + " lost: the disk did not take them";
        entry.args = Json::object({{"count", count}});
        return entry;
    }

    void deliver(ActivityEntry entry) {
        if (entry.at == WallTime()) entry.at = clock_.wall();
        if (entry.message.size() > kMessageBytesMax) entry.message = entry.message.substr(0, kMessageBytesMax) + "...";
        entry.message = log::redact(entry.message);
        if (!entry.args.is_null()) entry.args = redacted(entry.args);
        const std::lock_guard lock(delivery_mutex_);
        entry.seq = next_seq_++;
        unwritten_.push_back(entry);
        if (unwritten_.size() > kWaitingMax) {
            unwritten_.pop_front();
            const std::lock_guard counting(mutex_);
            ++lost_;
            ++untold_;
        }
        for (const Subscriber& subscriber : subscribers_) subscriber.listener(entry);
        ring_.push_back(std::move(entry));
        if (ring_.size() > ring_max_) ring_.pop_front();
    }

    void note_events(const ActivityEntry& entry) {
        // Of one catalogue they only grow: a smaller one is of a new catalogue, whose numbers begin anew.
        if (entry.events_through != 0 && entry.events_through < through_) beyond_.clear();
        if (entry.events_through != 0) through_ = entry.events_through;
        if (entry.event > through_) beyond_.insert(entry.event);
        beyond_.erase(beyond_.begin(), beyond_.upper_bound(through_));
    }

    void write_waiting() {
        Status written;
        while (written && !unwritten_.empty()) {
            const ActivityEntry& entry = unwritten_.front();
            {
                const std::lock_guard lock(writer_mutex_);
                written = writer_.write(entry, activity_line(entry));
            }
            if (!written) break;
            {
                const std::lock_guard lock(delivery_mutex_);
                note_events(entry);
            }
            unwritten_.pop_front();
        }
        const std::lock_guard lock(mutex_);
        if (!written && error_.empty()) log::warn("activity", "the activity log cannot be written, it waits in memory: " + written.error().to_string());
        error_ = written ? "" : written.error().to_string();
        waiting_ = unwritten_.size();
    }

    Clock& clock_;
    const std::size_t ring_max_;

    std::mutex source_mutex_;
    std::function<void()> source_;

    mutable std::mutex mutex_;
    std::condition_variable_any changed_, handled_;
    std::deque<ActivityEntry> inbox_;
    std::uint64_t published_ = 0, taken_ = 0, done_ = 0;  // how many were published, left the inbox, were dealt with
    std::uint64_t lost_ = 0, untold_ = 0, waiting_ = 0;
    bool pushed_ = false;  // somebody waits in flush()
    std::string error_;

    mutable std::mutex delivery_mutex_;  // before mutex_; held while listeners run
    std::uint64_t next_seq_;
    std::deque<ActivityEntry> ring_;
    std::list<Subscriber> subscribers_;
    std::int64_t through_ = 0;
    std::set<std::int64_t> beyond_;

    std::deque<ActivityEntry> unwritten_;  // the thread's own
    std::mutex writer_mutex_;
    ActivityWriter writer_;
    Disk& disk_;
    const std::string directory_;
    std::jthread thread_;
};

class ActivityLogImpl::Subscription final : public ActivitySubscription {
  public:
    Subscription(ActivityLogImpl& log, std::list<Subscriber>::iterator place, bool missed) : log_(log), place_(place), missed_(missed) {}
    ~Subscription() override {
        const std::lock_guard lock(log_.delivery_mutex_);
        log_.subscribers_.erase(place_);
    }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    bool missed() const override { return missed_; }

  private:
    ActivityLogImpl& log_;
    const std::list<Subscriber>::iterator place_;
    const bool missed_;
};

std::unique_ptr<ActivitySubscription> ActivityLogImpl::subscribe(std::uint64_t since_seq, Listener listener) {
    const std::lock_guard lock(delivery_mutex_);
    // A number that was never given is another log's: whoever has it knows nothing of this one.
    const bool strange = since_seq >= next_seq_;
    const std::uint64_t first = ring_.empty() ? next_seq_ : ring_.front().seq;
    const bool missed = strange || since_seq + 1 < first;
    if (!strange)
        for (const ActivityEntry& entry : ring_)
            if (entry.seq > since_seq) listener(entry);
    const auto place = subscribers_.insert(subscribers_.end(), Subscriber{std::move(listener)});
    return std::make_unique<Subscription>(*this, place, missed);
}

}  // namespace

Result<std::unique_ptr<ActivityLog>> ActivityLog::open(Disk& disk, Clock& clock, const ActivityOptions& options) {
    auto log = std::make_unique<ActivityLogImpl>(disk, clock, options);
    ORACX_TRYV(log->start());
    return std::unique_ptr<ActivityLog>(std::move(log));
}

}  // namespace oracxfs
