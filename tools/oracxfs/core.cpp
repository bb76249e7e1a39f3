#include "tools/oracxfs/core.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>

#include "base/log.h"
#include "tools/config/limit_hours.h"
#include "tools/oracxfs/activity_setup.h"
#include "tools/oracxfs/readme_text.h"
#include "tools/oracxfs/recovery.h"

namespace oracxfs {
namespace {

constexpr Millis kLockPatience{3'000};  // for a command that is just working on the state

Status private_folder(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail(error_from_errno(error.value(), "create " + path));
    if (::chmod(path.c_str(), 0700) != 0) return fail(error_from_errno(errno, "protect " + path));
    return {};
}

ReplicatorOptions replicator_options(const Config& config) {
    ReplicatorOptions options;
    options.seed = random_u64();
    options.retry_pause_min = config.replication.backoff.from;
    options.retry_pause_max = config.replication.backoff.to;
    options.retries = config.replication.retries;
    options.delete_grace = config.replication.delete_grace;
    options.heal_after = config.replication.heal_after;
    options.auth_probe_pause = config.replication.sign_in_pause;
    options.full_probe_pause = config.replication.full_pause;
    options.trash_age = Millis(config.retention.trash_days * 86'400'000ll);
    options.write_ahead_bytes = config.mount.write_ahead;
    return options;
}

FilesystemOptions filesystem_options(const CoreOptions& core) {
    FilesystemOptions options;
    options.ack = core.config.mount.close_waits_for;
    options.read_only = core.read_only;
    options.provider_folders_writable = core.config.mount.provider_dir_write != "deny";
    options.offline_reads = core.config.mount.offline_reads;
    options.cache_bytes = core.config.mount.cache_size;
    options.uid = ::geteuid();
    options.gid = ::getegid();
    options.readme = readme_text();
    return options;
}

bool needs_new_mount(const Config& a, const Config& b) {
    return a.mount.dir != b.mount.dir || a.mount.close_waits_for != b.mount.close_waits_for ||
           a.mount.cache_size != b.mount.cache_size || a.mount.write_ahead != b.mount.write_ahead ||
           a.mount.allow_other != b.mount.allow_other || a.staging.max_size != b.staging.max_size ||
           a.mount.provider_dir_write != b.mount.provider_dir_write || a.mount.offline_reads != b.mount.offline_reads || a.mount.browse != b.mount.browse ||
           a.replication.retries != b.replication.retries || a.staging.min_free != b.staging.min_free || a.replication.backoff != b.replication.backoff ||
           a.replication.heal_after != b.replication.heal_after || a.replication.delete_grace != b.replication.delete_grace ||
           a.replication.sign_in_pause != b.replication.sign_in_pause || a.replication.full_pause != b.replication.full_pause ||
           a.retention.trash_days != b.retention.trash_days;
}

}  // namespace

Core::Core(CoreOptions options)
    : options_(std::move(options)),
      secrets_(options_.places, options_.environment),
      registry_(make_registry()),
      config_(std::make_shared<const Config>(options_.config)),
      as_written_(options_.as_written.value_or(options_.config)) {}

Result<std::unique_ptr<Core>> Core::open(CoreOptions options) {
    auto core = std::unique_ptr<Core>(new Core(std::move(options)));  // NOLINT: the constructor is private
    ORACX_TRYV(core->open_all());
    return core;
}

Core::~Core() { stop(Millis(0), {}); }

Status Core::open_all() {
    const Places& places = options_.places;
    for (const std::string& folder : {places.state, places.staging, places.cache, places.log_dir, places.run})
        ORACX_TRYV(private_folder(folder));
    ORACX_TRY(lock_, StateLock::acquire(places.lock_file, {::getpid(), !options_.mount_point.empty(), places.socket, options_.mount_point}, kLockPatience));

    CatalogOpenReport report;
    CatalogOptions catalog;
    catalog.path = places.catalog_db;
    catalog.clock = &clock_;
    catalog.delete_grace = options_.config.replication.delete_grace;
    catalog.on_event = [bell = bell_] { bell->ring(); };
    ORACX_TRY(catalog_, Catalog::open(catalog, &report));
    ORACX_TRYV(open_activity());
    ORACX_TRYV(open_providers());

    StagingOptions staging;
    staging.directory = places.staging;
    if (options_.config.staging.max_size) staging.max_bytes = *options_.config.staging.max_size;
    staging.reserve_bytes = options_.config.staging.min_free;
    staging.digests = wanted_digests();
    staging.leaf_key = catalog_->leaf_key();
    staging.make_room = [this](std::uint64_t bytes) {
        const std::lock_guard lock(room_mutex_);
        if (room_maker_ != nullptr) room_maker_->make_room(bytes);
    };
    ORACX_TRY(staging_, Staging::open(disk_, clock_, staging));
    ORACX_TRYV(recover(report));

    ORACX_TRY(cache_, BlockCache::open(disk_, {places.cache, options_.config.mount.cache_size, catalog_->leaf_key()}));
    ReplicatorOptions lanes = replicator_options(options_.config);
    lanes.adopt_at_first_sight = !report.damaged_copy.empty();  // the providers' files are ours, we only lost the list
    replicator_ = std::make_unique<Replicator>(*catalog_, *staging_, clock_, lanes);
    for (const Member& member : members_) announce(member);
    filesystem_ = std::make_unique<Filesystem>(*catalog_, *staging_, *cache_, *replicator_, clock_, filesystem_options(options_));
    const std::lock_guard lock(room_mutex_);
    room_maker_ = filesystem_.get();
    return {};
}

Status Core::open_activity() {
    ActivityOptions options = activity_options(options_.config, options_.places.state);
    options.first_seq = EventFeed::first_seq(*catalog_);
    ORACX_TRY(activity_, ActivityLog::open(disk_, clock_, options));
    feed_ = std::make_unique<EventFeed>(*catalog_, *activity_, clock_, bell_, describe_run_in(*catalog_));
    if (remember_config_file(*catalog_, disk_, options_.places.config_file)) event("info", "settings", "the configuration was changed since the last start");
    return {};
}

std::shared_ptr<Provider> Core::make(const ProviderEntry& entry) {
    if (!entry.enabled) return nullptr;
    const Places& places = options_.places;
    ProviderSurroundings surroundings;
    surroundings.state_directory = places.state;
    surroundings.instance = catalog_->instance();
    surroundings.forbidden_paths = {places.staging, places.cache, places.log_dir, places.run};
    if (!options_.mount_point.empty()) surroundings.forbidden_paths.push_back(options_.mount_point);
    surroundings.secret = [this](const std::string& name) { return secrets_.get(name); };
    surroundings.store_secret = [this](const std::string& name, const std::string& value) { return secrets_.put(name, value); };
    surroundings.clock = &clock_;
    const std::shared_ptr<const Config> settings = config();
    // The settings as they are then: a new limit holds for what is on its way, too.
    surroundings.upload_limit = [this](WallTime now) {
        const std::shared_ptr<const Config> current = config();
        return rate_at(current->replication.limit_hours, current->replication.upload_limit.value_or(0), local_minute_of_day(now));
    };
    surroundings.verify_by_download = settings->replication.verify == "download";
    auto made = make_provider(registry_, entry, surroundings);
    if (made) return std::shared_ptr<Provider>(std::move(*made));
    log::error("core", made.error().to_string());
    return make_unusable_provider(made.error());
}

Status Core::open_providers() {
    const Config& config = options_.config;
    ORACX_TRY(const auto before, catalog_->providers());
    for (const ProviderEntry& entry : config.providers) {
        if (std::none_of(before.begin(), before.end(), [&](const ProviderRow& row) { return row.name == entry.name; }))
            event("info", "provider_added", entry.name + " (" + entry.type + ") is new", {}, entry.name);
        Member member{entry, {}, nullptr};
        ORACX_TRY(member.id, catalog_->configure_provider(entry.name, entry.type, entry.enabled));
        member.provider = make(entry);
        members_.push_back(std::move(member));
    }
    // Taken out of the file by hand: what it holds is remembered until `providers remove`.
    ORACX_TRY(const auto rows, catalog_->providers());
    for (const ProviderRow& row : rows)
        if (config.provider(row.name) == nullptr && row.active)
            ORACX_TRYV(catalog_->configure_provider(row.name, row.type, false));
    if (std::none_of(config.providers.begin(), config.providers.end(), [](const ProviderEntry& p) { return p.enabled; }))
        warnings_.emplace_back("no provider is configured: nothing can be written until there is one");
    return {};
}

void Core::announce(const Member& member) {
    const auto rows = catalog_->providers();
    if (!rows) return;
    for (const ProviderRow& row : *rows)
        if (row.id == member.id) replicator_->add_provider(row, member.provider);
}

DigestSet Core::wanted_digests() const {
    DigestSet digests;
    for (const Member& member : members_)
        if (member.provider) digests = digests | member.provider->capabilities().wanted_digests;
    return digests;
}

Status Core::recover(const CatalogOpenReport& report) {
    const bool lost = !report.damaged_copy.empty() || report.created;
    std::vector<ProviderId> wanted;
    for (const Member& member : members_)
        if (member.provider) wanted.push_back(member.id);
    ORACX_TRY(const StagingRecovery recovered, recover_staging(*catalog_, *staging_, lost, wanted));
    if (!report.damaged_copy.empty()) {
        // The providers' own listings fill in the rest: the lanes compare them with the catalogue and adopt what it does
        // not know. A rebuild that trusts hashes instead of fetching (fs/rebuild.h) belongs here.
        warnings_.push_back("the catalogue was damaged (" + report.damage + "); it is kept as " + report.damaged_copy +
                            " and is being rebuilt from staging and the providers");
        EventRow event;
        event.level = "error";
        event.kind = "catalogue_rebuilt";
        event.code = info(Errc::corrupt).e_code;
        event.message = warnings_.back();
        (void)catalog_->append_event(event);
    }
    if (report.unclean) event("warning", "daemon", "the last run did not end properly: its work is taken up where it was");
    if (recovered.committed > 0)
        log::warn("core", std::to_string(recovered.committed) + " files were found in staging and are replicated now");
    if (recovered.unreadable > 0)
        warnings_.push_back(std::to_string(recovered.unreadable) + " staged files cannot be read; they are left in " + options_.places.staging);
    return {};
}

void Core::start() {
    replicator_->start();
    started_ = true;
    event("info", "daemon", std::string("oracxfs ") + ORACXFS_VERSION + " started, process " + std::to_string(::getpid()));
}

void Core::stop(Millis grace, const std::stop_token& hurry) {
    if (stopped_) return;
    stopped_ = true;
    if (started_ && grace.count() > 0 && !replicator_->transfers().empty()) {
        struct Shared {
            std::mutex mutex;
            std::condition_variable_any changed;
            bool settled = false;
        };
        const auto shared = std::make_shared<Shared>();
        std::stop_source done;
        replicator_->when_settled("", done.get_token(), [shared](const Status&) {
            const std::lock_guard lock(shared->mutex);
            shared->settled = true;
            shared->changed.notify_all();
        });
        std::unique_lock lock(shared->mutex);
        shared->changed.wait_for(lock, hurry, grace, [&] { return shared->settled; });
        lock.unlock();
        done.request_stop();
    }
    if (filesystem_) filesystem_->stop();
    if (replicator_) replicator_->stop();
    {
        const std::lock_guard lock(room_mutex_);
        room_maker_ = nullptr;
    }
    filesystem_.reset();
    replicator_.reset();
    cache_.reset();
    staging_.reset();
    members_.clear();
    if (started_) event("info", "daemon", "stopped");
    feed_.reset();
    activity_.reset();
    catalog_.reset();
    lock_.reset();
}

std::shared_ptr<const Config> Core::config() const {
    const std::lock_guard lock(config_mutex_);
    return config_;
}

StateView Core::view() {
    StateView view{*catalog_, clock_, config(), replicator_.get(), staging_.get(), options_.mount_point, options_.read_only};
    view.activity = activity_.get();
    view.filesystem = filesystem_.get();
    return view;
}

// What a machine that is set up anew wants to know. No secret: the configuration holds none, and tokens stay here.
Result<std::vector<ExtraMember>> Core::backup_metadata() const {
    std::vector<ExtraMember> members;
    const auto document = ConfigDocument::load(options_.places.config_file);
    if (!document) return fail(document.error());
    ORACX_TRY(const auto rows, catalog_->providers());
    Json providers = Json::array();
    for (const ProviderRow& row : rows)
        providers.push(Json::object({{"name", row.name}, {"type", row.type}, {"active", row.active}}));
    // The settings as they are; what changes from run to run is no reason for a new package.
    members.push_back({"oracxfs/cloud_config.json", document->root().dump_pretty(), true});
    members.push_back({"oracxfs/installation.json",
                       Json::object({{"instance", catalog_->instance()}, {"machine", config()->instance}, {"version", ORACXFS_VERSION}, {"providers", std::move(providers)}}).dump_pretty(),
                       true});
    return members;
}

BackupEnvironment Core::backup_environment() {
    const Places& places = options_.places;
    BackupEnvironment environment{*catalog_, *filesystem_, *replicator_, clock_, [this] { return config(); },
                                  [this](const std::string& name) { return secrets_.get(name); }, [this] { return backup_metadata(); }, {}, places.cache + "/packing"};
    environment.never_pack = {places.state, places.staging, places.cache, places.log_dir, places.run};
    if (!options_.mount_point.empty()) environment.never_pack.push_back(options_.mount_point);
    for (const ProviderEntry& entry : config()->providers)
        if (entry.type == "local") environment.never_pack.push_back(entry.values["path"].as_string());
    return environment;
}

void Core::event(std::string level, std::string kind, std::string message, std::string code, std::string provider) {
    EventRow row;
    row.level = std::move(level);
    row.kind = std::move(kind);
    row.code = std::move(code);
    row.provider = std::move(provider);
    row.message = log::redact(message);
    if (const Status kept = catalog_->append_event(row); !kept)
        log::warn("core", "event not kept: " + row.message + " (" + kept.error().to_string() + ")");
}

void Core::tidy_log() {
    const WallTime before = clock_.wall() - Millis(config()->log.keep_days * 86'400'000ll);
    if (const Status done = catalog_->forget_events(before); !done) log::warn("core", done.error().to_string());
    log::remove_rotated_files(options_.places.log_file, before);
    activity_->forget(before);
}

Result<Json> Core::reload() {
    Result<Json> result = take_over_file();
    if (!result) {
        const Error& error = result.error();
        log::error("core", "configuration not taken over: " + error.to_string());
        event("error", "settings", "not taken over, the running configuration stays: " + error.to_string(),
              std::string(info(error.code).e_code));
        return result;
    }
    (void)remember_config_file(*catalog_, disk_, options_.places.config_file);  // told here
    std::string changes;
    for (const Json& change : (*result)["changes"].items()) changes += (changes.empty() ? "" : ", ") + change.as_string();
    event("info", "settings",
          "reloaded" + (changes.empty() ? "" : ": " + changes) +
              ((*result)["needs_new_mount"].as_bool() ? "; some changes take effect with the next mount" : ""));
    return result;
}

Result<Json> Core::take_over_file() {
    const std::lock_guard one(reload_mutex_);
    ORACX_TRY(Config fresh, load_config(options_.places.config_file, options_.environment));
    const std::shared_ptr<const Config> old = config();
    const bool remount = needs_new_mount(as_written_, fresh);
    as_written_ = fresh;
    // Flags of the mount command stay.
    fresh.mount.close_waits_for = options_.config.mount.close_waits_for;
    fresh.mount.dir = old->mount.dir;
    {
        const std::lock_guard lock(config_mutex_);
        config_ = std::make_shared<const Config>(fresh);
    }
    Json changes = Json::array();
    std::vector<Member> kept;
    for (Member& member : members_) {
        if (fresh.provider(member.entry.name) != nullptr) {
            kept.push_back(std::move(member));
            continue;
        }
        replicator_->remove_provider(member.id);
        // Forgotten already when `providers remove` asked for it.
        const auto rows = catalog_->providers();
        if (rows && std::any_of(rows->begin(), rows->end(), [&](const ProviderRow& row) { return row.id == member.id; }))
            ORACX_TRYV(catalog_->configure_provider(member.entry.name, member.entry.type, false));
        changes.push("removed " + member.entry.name);
    }
    members_ = std::move(kept);
    if (old->replication.upload_limit != fresh.replication.upload_limit || old->replication.limit_hours != fresh.replication.limit_hours)
        changes.push("changed the upload limit");
    // What each provider is made with beside its own entry.
    const bool common_changed = old->replication.verify != fresh.replication.verify;
    for (const ProviderEntry& entry : fresh.providers) {
        auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.entry.name == entry.name; });
        const bool is_new = found == members_.end();
        if (!is_new && found->entry == entry && !common_changed) {
            // Perhaps a secret was entered or a disk plugged in: whoever reloads wants it tried now.
            if (found->provider) replicator_->probe_now(found->id);
            continue;
        }
        Member member{entry, {}, nullptr};
        ORACX_TRY(member.id, catalog_->configure_provider(entry.name, entry.type, entry.enabled));
        member.provider = make(entry);
        announce(member);
        changes.push((is_new ? "added " : "changed ") + entry.name);
        if (is_new)
            members_.push_back(std::move(member));
        else
            *found = std::move(member);
    }
    staging_->set_digests(wanted_digests());
    filesystem_->providers_changed();
    replicator_->nudge();
    const ActivityOptions limits = activity_options(fresh, options_.places.state);
    activity_->set_limits(limits.rotate_bytes, limits.rotated_files, limits.rotate_age);
    if (options_.on_reload) options_.on_reload(fresh);
    log::info("core", "configuration reloaded, changes: " + std::to_string(changes.items().size()));
    Json result = Json::object({{"changes", std::move(changes)}, {"needs_new_mount", remount}});
    return result;
}

Status Core::rename_provider(const std::string& from, const std::string& to) {
    const std::lock_guard one(reload_mutex_);
    ORACX_TRYV(catalog_->rename_provider(from, to));
    // reload() makes it anew under the new name, so that messages and events carry that one; the id stays.
    const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.entry.name == from; });
    if (found == members_.end()) return {};
    replicator_->remove_provider(found->id);
    members_.erase(found);
    return {};
}

Status Core::forget_provider(const std::string& name) {
    const std::lock_guard one(reload_mutex_);
    ORACX_TRY(const auto rows, catalog_->providers());
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const ProviderRow& r) { return r.name == name; });
    if (row == rows.end()) return {};
    replicator_->remove_provider(row->id);
    std::erase_if(members_, [&](const Member& m) { return m.entry.name == name; });
    return catalog_->forget_provider(row->id);
}

Result<bool> Core::reopen_provider(const std::string& name) {
    const std::lock_guard one(reload_mutex_);
    bool in_use = false;
    for (Member& member : members_) {
        if (member.entry.name != name || !member.entry.enabled) continue;
        member.provider = make(member.entry);
        announce(member);  // ends the work of the old one
        ORACX_TRYV(catalog_->make_due(member.id, clock_.wall()));
        replicator_->probe_now(member.id);
        in_use = true;
    }
    return in_use;
}

void Core::probe_provider(const std::string& name) {
    const std::lock_guard one(reload_mutex_);
    for (const Member& member : members_)
        if (member.entry.name == name && member.provider) replicator_->probe_now(member.id);
}

bool Core::is_down(const std::string& provider) const {
    for (const ProviderStatus& status : replicator_->provider_status())
        if (status.row.name == provider) return status.health.active && status.health.down;
    return false;
}

}  // namespace oracxfs
