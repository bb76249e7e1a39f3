#include "tools/notify/notifier.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "tools/notify/notify_file.h"

namespace oracxfs {
namespace {

constexpr Millis kLookPause{10'000};     // between two looks when nothing happens
constexpr Millis kLookPauseMin{1'000};   // and when much does
constexpr Millis kGather{100};           // entries that come together are looked at together
constexpr std::size_t kInboxMax = 10'000;
constexpr unsigned kSenders = 4;
constexpr Millis kPingAge{86'400'000};   // a sign of life that is older says nothing

bool contains(const std::vector<std::string>& list, const std::string& word) { return std::find(list.begin(), list.end(), word) != list.end(); }

bool wants(const NotifyTarget& target, const Config& config, const Notice& notice) {
    if (!target.enabled || target.type == "heartbeat") return false;
    return contains(target.on.empty() ? config.notify.on : target.on, notice.kind);
}

// What a line of the activity log means for the whole is seen by looking, and not every line means something.
bool may_change_state(const ActivityEntry& entry) {
    return entry.category == "provider" || entry.category == "repair" || entry.category == "run" || entry.category == "settings" || entry.category == "access";
}

}  // namespace

Notifier::Notifier(NotifierParts parts) : parts_(std::move(parts)) {}

Notifier::~Notifier() { stop(); }

void Notifier::start() {
    load();
    senders_ = std::make_unique<Executor>(kSenders);
    std::uint64_t since = 0;
    {
        const std::lock_guard lock(mutex_);
        since = memory_.through_seq;
    }
    subscription_ = parts_.activity.subscribe(since, [this](const ActivityEntry& entry) {
        const std::lock_guard lock(inbox_mutex_);
        if (inbox_.size() >= kInboxMax) inbox_.pop_front();
        inbox_.push_back(entry);
        woken_.notify_all();
    });
    if (subscription_->missed()) {
        // So much happened without us that it must be read; what comes meanwhile waits in the inbox, and counts once.
        auto older = parts_.activity.read({}, kInboxMax);
        const std::lock_guard lock(inbox_mutex_);
        if (older)
            for (auto entry = older->entries.rbegin(); entry != older->entries.rend(); ++entry)
                if (inbox_.empty() || entry->seq < inbox_.front().seq) inbox_.push_front(std::move(*entry));
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Notifier::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    sending_.request_stop();
    thread_.join();
    subscription_.reset();
    senders_->stop();
    take_entries();
    save_if_changed();
}

void Notifier::settings_changed() {
    const std::lock_guard lock(inbox_mutex_);
    look_wanted_ = true;
    woken_.notify_all();
}

void Notifier::stir() {
    const std::lock_guard lock(inbox_mutex_);
    stirred_ = true;
    woken_.notify_all();
}

void Notifier::finish(Millis patience) {
    parts_.activity.flush();
    std::unique_lock lock(inbox_mutex_);
    const std::uint64_t question = ++asked_;
    look_wanted_ = true;
    woken_.notify_all();
    answers_.wait_for(lock, patience, [&] { return answered_ >= question; });
}

void Notifier::load() {
    auto state = read_notify_state(parts_.disk, parts_.state_directory);
    const std::lock_guard lock(mutex_);
    if (state) {
        memory_ = std::move(state->memory);
        book_ = std::move(state->book);
    } else {
        if (state.error().code != Errc::not_found) log::warn("notify", "what was told before is not known: " + state.error().to_string());
        memory_.through_seq = parts_.activity.last_seq();  // what was before is no news
    }
    // Numbers of a log that is not there any more would hide what the new one says.
    memory_.through_seq = std::min(memory_.through_seq, parts_.activity.last_seq());
}

void Notifier::save_if_changed() {
    const std::lock_guard one(save_mutex_);
    std::string text;
    {
        const std::lock_guard lock(mutex_);
        // Where nothing follows from it, the last position is good enough.
        NotifyMemory essential = memory_;
        essential.seen_bytes = essential.seen_files = essential.through_seq = 0;
        std::string digest = notify_state_text(essential, book_);
        if (digest == saved_) return;
        text = notify_state_text(memory_, book_);
        saved_ = std::move(digest);
    }
    const Status written = write_notify_state(parts_.disk, parts_.state_directory, text);
    if (!written && !save_failed_) log::warn("notify", "a restart may repeat or forget notices: " + written.error().to_string());
    save_failed_ = !written;
    const std::lock_guard lock(mutex_);
    if (!written) saved_.clear();
}

void Notifier::run(const std::stop_token& stop) {
    Clock& clock = parts_.sender.clock;
    SteadyTime looked{};
    bool due = true;
    while (!stop.stop_requested()) {
        std::uint64_t question = 0;
        {
            const std::lock_guard lock(inbox_mutex_);
            question = asked_;
            due = due || std::exchange(look_wanted_, false);
            stirred_ = false;
        }
        due = take_entries() || due;
        if (due && (looked == SteadyTime{} || clock.steady() - looked >= kLookPauseMin)) {
            look();
            looked = clock.steady();
            due = false;
        }
        {
            const auto config = parts_.config();
            std::vector<std::string> targets;
            for (const NotifyTarget& target : config->notify.targets)
                if (target.enabled) targets.push_back(target.id);
            const std::lock_guard lock(mutex_);
            book_.keep_only(targets);
        }
        save_if_changed();
        dispatch(stop);
        const bool idle = !due && all_out();
        {
            const SteadyTime until = due ? looked + kLookPauseMin : next_wake(looked);
            std::unique_lock lock(inbox_mutex_);
            if (idle) {
                answered_ = question;
                answers_.notify_all();
            }
            woken_.wait_until(lock, stop, until, [&] { return !inbox_.empty() || look_wanted_ || stirred_; });
        }
        if (clock.steady() >= next_wake(looked)) due = true;
        clock.sleep_for(kGather, stop);
    }
}

// Nothing is under way, and nothing can be done before its time.
bool Notifier::all_out() const {
    const std::lock_guard lock(mutex_);
    const auto next = book_.next();
    return !book_.busy() && (!next || *next > now());
}

// When nothing wakes us: the next look, or the next delivery.
SteadyTime Notifier::next_wake(SteadyTime looked) const {
    Clock& clock = parts_.sender.clock;
    const auto config = parts_.config();
    const NotifySettings settings{config->notify.settle, config->notify.remind};
    const std::lock_guard lock(mutex_);
    SteadyTime wake = looked + kLookPause;
    const auto also = [&](const std::optional<WallTime>& at) {
        if (at) wake = std::min(wake, std::max(clock.steady() + (*at - clock.wall()), looked + kLookPauseMin));
    };
    also(next_look(memory_, settings));
    also(book_.next());
    return wake;
}

bool Notifier::take_entries() {
    std::deque<ActivityEntry> entries;
    {
        const std::lock_guard lock(inbox_mutex_);
        entries.swap(inbox_);
    }
    const std::string instance = parts_.config()->instance;
    bool changes = false;
    for (const ActivityEntry& entry : entries) {
        std::vector<Notice> notices;
        {
            const std::lock_guard lock(mutex_);
            if (entry.seq <= memory_.through_seq) continue;
            notices = after_entry(memory_, entry, instance);
        }
        tell(notices);
        ping(entry);
        changes = changes || may_change_state(entry);
    }
    return changes;
}

void Notifier::look() {
    const auto report = parts_.status();
    if (!report) return log::warn("notify", "the state is not known: " + report.error().to_string());
    if (parts_.on_report) parts_.on_report(*report);
    const auto config = parts_.config();
    std::vector<Notice> notices;
    {
        const std::lock_guard lock(mutex_);
        notices = after_look(memory_, notify_facts(*report, config->instance, now()), {config->notify.settle, config->notify.remind});
    }
    tell(notices);
    for (const Notice& notice : notices) {
        if (notice.topic != "state" || notice.reminder) continue;
        ActivityEntry entry;
        entry.category = "state";
        entry.kind = notice.details["state"].as_string();
        entry.level = notice.level;
        entry.message = "the whole is " + entry.kind + " now, it was " + notice.details["before"].as_string();
        entry.args = notice.details;
        parts_.activity.publish(std::move(entry));
    }
}

void Notifier::tell(const std::vector<Notice>& notices) {
    const auto config = parts_.config();
    const std::lock_guard lock(mutex_);
    for (const Notice& notice : notices)
        for (const NotifyTarget& target : config->notify.targets) {
            if (!wants(target, *config, notice)) continue;
            Delivery delivery;
            delivery.id = delivery_id();
            delivery.target = target.id;
            delivery.notice = notice;
            delivery.created = now();
            book_.add(std::move(delivery));
        }
}

// A run is called good only when enough copies are verified; that is what "partial" and "succeeded" mean, and "unchanged"
// is said only while the last package is as safe.
void Notifier::ping(const ActivityEntry& entry) {
    if (entry.category != "run" || now() - entry.at > kPingAge) return;
    const Json& kind = entry.args["kind"];
    if (!kind.is_null() && kind.as_string() != "backup") return;
    std::string word;
    if (entry.kind == "run_started") word = "start";
    if (entry.kind == "run_succeeded" || entry.kind == "run_partial" || entry.kind == "run_unchanged") word = "success";
    if (entry.kind == "run_failed") word = "fail";
    if (word.empty()) return;
    const auto config = parts_.config();
    const std::lock_guard lock(mutex_);
    for (const NotifyTarget& target : config->notify.targets) {
        if (!target.enabled || target.type != "heartbeat") continue;
        Delivery delivery;
        delivery.id = delivery_id();
        delivery.target = target.id;
        delivery.ping = word;
        delivery.text = entry.message;
        delivery.created = now();
        book_.add(std::move(delivery));
    }
}

void Notifier::dispatch(const std::stop_token& stop) {
    if (stop.stop_requested()) return;
    std::vector<Delivery> due;
    {
        const std::lock_guard lock(mutex_);
        due = book_.take_due(now());
    }
    for (const Delivery& delivery : due) senders_->post([this, delivery] { deliver(delivery, sending_.get_token()); });
}

void Notifier::deliver(const Delivery& delivery, const std::stop_token& stop) {
    const auto config = parts_.config();
    const auto target = std::find_if(config->notify.targets.begin(), config->notify.targets.end(), [&](const NotifyTarget& one) { return one.id == delivery.target; });
    Result<std::string> sent = fail(Errc::cancelled, "notify " + delivery.target);
    if (target != config->notify.targets.end() && !stop.stop_requested()) sent = send_delivery({stop, std::nullopt}, parts_.sender, *config, *target, delivery);
    ActivityEntry entry;
    entry.category = "notify";
    entry.args = Json::object({{"target", delivery.target}, {"what", delivery_words(delivery)}});
    bool tell_log = false;
    {
        const std::lock_guard lock(mutex_);
        if (sent) {
            book_.delivered(delivery, now());
            entry.kind = "notified";
            entry.message = delivery.target + " was told: " + delivery_words(delivery);
            tell_log = delivery.notice.has_value() && *sent != "no desktop session";
        } else if (sent.error().code == Errc::cancelled) {
            book_.not_ended(delivery);
        } else {
            const auto wish = sent.error().retry_after;
            book_.failed(delivery, sent.error().why.empty() ? sent.error().message : sent.error().why, wish, now());
            const LastDelivery& last = book_.last().at(delivery.target);
            entry.kind = last.given_up ? "notice_given_up" : "notice_failed";
            entry.level = last.given_up ? ActivityLevel::error : ActivityLevel::warning;
            entry.code = info(sent.error().code).e_code;
            entry.message = delivery.target + " could not be told (" + delivery_words(delivery) + "): " + last.error + (last.given_up ? "; given up" : "; it is tried again");
            tell_log = last.given_up || delivery.attempts == 0;  // not every attempt of a day
        }
    }
    if (tell_log) parts_.activity.publish(std::move(entry));
    save_if_changed();
    stir();
}

void Notifier::add_handlers(HandlerRegistry& registry) {
    registry.add("notifications", [this](const Json&, const OpContext&, const Emit&) -> Result<Json> { return report(); });
    registry.add("notification-test", [this](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> { return test(args["id"].as_string(), ctx); });
}

Json Notifier::report() {
    const std::lock_guard lock(mutex_);
    return notifications_report(*parts_.config(), {memory_, book_});
}

Result<Json> Notifier::test(const std::string& id, const OpContext& ctx) {
    const auto config = parts_.config();
    const Delivery delivery = test_delivery_for(*config, id, now()).value_or(Delivery{});
    if (delivery.target.empty()) return fail(Errc::not_found, "test notification " + id, "there is no such target; `oracxfs notifications list` shows them");
    auto tested = run_test_delivery(ctx, parts_.sender, *config, delivery);
    {
        const std::lock_guard lock(mutex_);
        book_.note(id, {now(), tested.has_value(), delivery_words(delivery), tested ? "" : log::redact(tested.error().why), 1, false});
    }
    save_if_changed();
    return tested;
}

}  // namespace oracxfs
