#include "tests/support/file_system_stack.h"

#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "providers/local/local_provider.h"

namespace oracxfs::test {
namespace {

template <class T>
T need(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().to_string());
    return std::move(*result);
}

}  // namespace

FileSystemStack::FileSystemStack(const std::string& home, int providers, ReplicatorOptions options)
    : FileSystemStack(home, providers, std::move(options), {}, {}) {}

FileSystemStack::FileSystemStack(const std::string& home, int providers, ReplicatorOptions options, const Others& others,
                                 std::function<void(const Filesystem::Invalidation&)> on_invalidate) {
    std::filesystem::create_directories(home + "/staging");
    std::filesystem::create_directories(home + "/cache");
    catalog = need(Catalog::open({home + "/catalog.db", &clock, options.delete_grace}));
    StagingOptions staging_options;
    staging_options.directory = home + "/staging";
    staging_options.reserve_bytes = 0;
    staging_options.leaf_key = catalog->leaf_key();
    staging = need(Staging::open(disk, clock, staging_options));
    std::vector<std::string> known;
    for (const VersionRow& version : need(catalog->staged_versions())) known.push_back(version.staged);
    // Sealed but never recorded: close() had not answered, so nobody was promised anything.
    for (const auto& [name, meta] : need(staging->recover(known))) (void)staging->remove(name);
    BlockCacheOptions cache_options;
    cache_options.directory = home + "/cache";
    cache_options.leaf_key = catalog->leaf_key();
    cache = need(BlockCache::open(disk, cache_options));
    replicator = std::make_unique<Replicator>(*catalog, *staging, clock, options);
    DigestSet digests;
    const auto add = [&](const std::string& name, std::shared_ptr<Provider> provider) {
        digests = digests | provider->capabilities().wanted_digests;
        const ProviderId id = need(catalog->configure_provider(name, "test", true));
        for (const ProviderRow& row : need(catalog->providers()))
            if (row.id == id) replicator->add_provider(row, provider);
    };
    for (int i = 0; i < providers; ++i) {
        ProviderConfig config;
        config.name = "p" + std::to_string(i);
        config.type = "local";
        config.config = Json::object({{"path", home + "/" + config.name}});
        config.secret = [](const std::string& what) -> Result<std::string> { return fail(Errc::not_found, what); };
        config.instance = catalog->instance();
        config.state_directory = home + "/state";
        config.clock = &clock;
        add(config.name, need(make_local_provider(config)));
    }
    for (const auto& [name, provider] : others) add(name, provider);
    staging->set_digests(digests);
    FilesystemOptions filesystem_options;
    filesystem_options.stream_from_bytes = 1u << 20;
    filesystem_options.uid = ::getuid();
    filesystem_options.gid = ::getgid();
    filesystem_options.readme = "read me\n";
    filesystem = std::make_unique<Filesystem>(*catalog, *staging, *cache, *replicator, clock, filesystem_options);
    if (on_invalidate) filesystem->set_on_invalidate(std::move(on_invalidate));
    replicator->start();
}

FileSystemStack::~FileSystemStack() {
    filesystem->stop();
    replicator->stop();
}

Result<Inode> FileSystemStack::find(const std::string& path) {
    Inode at = kRootInode;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        ORACX_TRY(const FileAttributes attributes, filesystem->lookup(at, path.substr(begin, end - begin)));
        at = attributes.inode;
        begin = end + 1;
    }
    return at;
}

Result<std::pair<Inode, std::string>> FileSystemStack::parent(const std::string& path) {
    ORACX_TRY(const Inode directory, find(std::string(parent_key(path))));
    return std::pair(directory, std::string(base_name(path)));
}

Status FileSystemStack::write_file(const std::string& path, std::string_view content, std::size_t piece) {
    ORACX_TRY(const auto place, parent(path));
    const Caller caller{::getuid(), ::getgid(), 0, 022};
    auto opened = filesystem->create(place.first, place.second, 0644, true, true, caller);
    if (!opened && opened.error().code == Errc::exists) {
        ORACX_TRY(const Inode inode, find(path));
        opened = filesystem->open(inode, false, true, true);
    }
    if (!opened) return fail(opened.error());
    Status status;
    for (std::size_t offset = 0; offset < content.size() && status; offset += piece) {
        const auto part = std::as_bytes(std::span(content)).subspan(offset, std::min(piece, content.size() - offset));
        status = wait_for<Status>([&](auto done) { filesystem->write(opened->handle, offset, part, {}, done); });
    }
    const Status closed = wait_for<Status>([&](auto done) { filesystem->flush(opened->handle, caller, {}, done); });
    filesystem->release(opened->handle);
    return status ? closed : status;
}

Result<std::string> FileSystemStack::read_file(const std::string& path, const std::string& provider) {
    ORACX_TRY(const Inode inode, find(provider.empty() ? path : provider + "/" + path));
    ORACX_TRY(const auto opened, filesystem->open(inode, true, false, false));
    std::string content;
    Status status;
    while (status) {
        auto data = wait_for<Result<ReadData>>([&](auto done) { filesystem->read(opened.handle, content.size(), 256u << 10, {}, done); });
        if (!data) {
            status = fail(data.error());
            break;
        }
        if (data->fd >= 0) {
            data->bytes.resize(data->length);
            const ssize_t got = ::pread(data->fd, data->bytes.data(), data->bytes.size(), static_cast<off_t>(data->offset));
            if (got < 0) {
                status = fail(error_from_errno(errno, "read"));
                break;
            }
            data->bytes.resize(static_cast<std::size_t>(got));
        }
        if (data->bytes.empty()) break;
        content.append(reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size());
    }
    filesystem->release(opened.handle);
    if (!status) return fail(status.error());
    return content;
}

Status FileSystemStack::rename(const std::string& from, const std::string& to) {
    ORACX_TRY(const auto source, parent(from));
    ORACX_TRY(const auto target, parent(to));
    return wait_for<Status>([&](auto done) {
        filesystem->rename(source.first, source.second, target.first, target.second, false, {}, done);
    });
}

Status FileSystemStack::remove(const std::string& path) {
    ORACX_TRY(const auto place, parent(path));
    return filesystem->remove(place.first, place.second);
}

Status FileSystemStack::make_directory(const std::string& path) {
    ORACX_TRY(const auto place, parent(path));
    ORACX_TRYV(filesystem->make_directory(place.first, place.second, 0755, {::getuid(), ::getgid(), 0, 022}));
    return {};
}

Status FileSystemStack::settle() {
    return wait_for<Status>([&](auto done) { replicator->when_settled("", {}, done); });
}

}  // namespace oracxfs::test
