#include "tools/admin/task_list.h"

#include <algorithm>

#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kTasksKept = 100;
constexpr std::ptrdiff_t kRunningMax = 8;
constexpr std::size_t kRowsMax = 20'000;
constexpr Millis kToldPause{250};

}  // namespace

Json TaskList::report(const Task& task, bool rows) const {
    Json json = Json::object({{"task", task.id},
                              {"kind", task.kind},
                              {"backup", task.backup.empty() ? Json() : Json(task.backup)},
                              {"state", task.state},
                              {"started", format_utc(task.started)},
                              {"ended", task.ended ? Json(format_utc(*task.ended)) : Json()},
                              {"progress", task.progress},
                              {"result", task.result},
                              {"error", task.error}});
    if (rows) json.set("rows", task.rows);
    return json;
}

std::vector<TaskList::TaskPtr> TaskList::take_old() {
    std::vector<TaskPtr> old;
    while (tasks_.size() >= kTasksKept && tasks_.front()->state != "running") {
        old.push_back(std::move(tasks_.front()));
        tasks_.pop_front();
    }
    return old;
}

Result<std::string> TaskList::start(const std::string& kind, const std::string& backup, const std::string& command, Json args) {
    if (!handlers_.has(command)) return fail(Errc::unsupported, kind, "this program can't do it");
    std::vector<TaskPtr> old;
    const auto task = std::make_shared<Task>();
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return fail(Errc::unavailable, kind, "the program is ending");
        if (std::count_if(tasks_.begin(), tasks_.end(), [](const TaskPtr& t) { return t->state == "running"; }) >= kRunningMax)
            return fail(Errc::busy, kind, "too much is under way already");
        old = take_old();
        task->id = "t-" + std::to_string(next_++);
        task->kind = kind;
        task->backup = backup;
        task->started = clock_.wall();
        tasks_.push_back(task);
        task->thread = std::jthread([this, raw = task.get(), command, args = std::move(args)] { work(*raw, command, args); });
    }
    return task->id;
}

void TaskList::work(Task& task, const std::string& command, const Json& args) {
    changed_(report(task, false));
    const OpContext ctx{task.stop.get_token(), std::nullopt};
    const auto answer = handlers_.call(command, args, ctx, [&](const Json& event) { note(task, event); });
    Json told;
    {
        const std::lock_guard lock(mutex_);
        task.ended = clock_.wall();
        task.state = answer ? "done" : answer.error().code == Errc::cancelled ? "cancelled" : "failed";
        if (answer)
            task.result = *answer;
        else
            task.error = error_to_json(answer.error());
        task.progress = nullptr;
        told = report(task, false);
    }
    changed_(told);
}

void TaskList::note(Task& task, const Json& event) {
    Json told;
    {
        const std::lock_guard lock(mutex_);
        if (const Json* rows = event.find("rows")) {
            for (const Json& row : rows->items())
                if (task.rows.items().size() < kRowsMax) task.rows.push(row);
            return;
        }
        if (event["type"].as_string() != "progress") {
            if (task.rows.items().size() < kRowsMax) task.rows.push(event);
            return;
        }
        task.progress = event;
        if (clock_.steady() - task.told < kToldPause) return;
        task.told = clock_.steady();
        told = report(task, false);
    }
    changed_(told);
}

Result<Json> TaskList::start_until(const std::string& command, Json args, const std::string& first_event) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Result<Json>> answer;
    };
    const auto shared = std::make_shared<Shared>();
    const auto settle = [shared](Result<Json> answer) {
        const std::lock_guard lock(shared->mutex);
        if (!shared->answer) shared->answer = std::move(answer);
        shared->changed.notify_all();
    };
    const auto waiter = std::make_shared<Waiter>();
    std::vector<std::shared_ptr<Waiter>> old;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return fail(Errc::unavailable, command, "the program is ending");
        for (auto it = waiters_.begin(); it != waiters_.end();) {
            if ((*it)->over) {
                old.push_back(std::move(*it));
                it = waiters_.erase(it);
            } else {
                ++it;
            }
        }
        waiters_.push_back(waiter);
        waiter->thread = std::jthread([this, raw = waiter.get(), command, args = std::move(args), first_event, settle] {
            const OpContext ctx{raw->stop.get_token(), std::nullopt};
            settle(handlers_.call(command, args, ctx, [&](const Json& event) {
                if (event["type"].as_string() == first_event) settle(event);
            }));
            raw->over = true;
        });
    }
    old.clear();
    std::unique_lock lock(shared->mutex);
    shared->changed.wait(lock, [&] { return shared->answer.has_value(); });
    return *shared->answer;
}

Status TaskList::cancel(const std::string& task) {
    const std::lock_guard lock(mutex_);
    for (const TaskPtr& one : tasks_) {
        if (one->id != task) continue;
        if (one->state != "running") return fail(Errc::not_found, "cancel " + task, "it is over");
        one->stop.request_stop();
        return {};
    }
    return fail(Errc::not_found, "cancel " + task, "there is no such task");
}

Json TaskList::list() const {
    const std::lock_guard lock(mutex_);
    Json list = Json::array();
    for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) list.push(report(**it, false));
    return Json::object({{"tasks", std::move(list)}});
}

Result<Json> TaskList::get(const std::string& task) const {
    const std::lock_guard lock(mutex_);
    for (const TaskPtr& one : tasks_)
        if (one->id == task) return report(*one, true);
    return fail(Errc::not_found, "find task " + task, "there is no such task");
}

void TaskList::stop() {
    std::deque<TaskPtr> tasks;
    std::list<std::shared_ptr<Waiter>> waiters;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        tasks = tasks_;
        waiters.swap(waiters_);
    }
    for (const TaskPtr& task : tasks) task->stop.request_stop();
    for (const auto& waiter : waiters) waiter->stop.request_stop();
    for (const TaskPtr& task : tasks)
        if (task->thread.joinable()) task->thread.join();
    waiters.clear();
}

}  // namespace oracxfs
