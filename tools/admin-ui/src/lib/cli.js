// What one would type instead: the same commands that docs describe, quoted for a POSIX shell.

export const quote = (text) => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

// "oracxfs backups show NAME": words that are undefined or "" are left out.
export const command = (...words) => ['oracxfs', ...words.filter((word) => word !== undefined && word !== '' && word !== false).map(quote)].join(' ');

// "oracxpred_backup_20250105_060000.zip" -> "20250105_060000", which the command line finds as well.
export const shortName = (name) => (/(\d{8}_\d{6})\.zip$/.exec(name) || [null, name])[1];

// The command that adds a provider with these settings. Secrets never stand in a command line.
export function addCommand(values) {
    const { type, name } = values;
    const option = (flag, value) => (value ? [flag, value] : []);
    const common = [type, ...option('--name', name)];
    if (type === 'local') return command(...common, '--path', values.path || 'DIR');
    const folder = option('--folder', values.folder);
    const server = [...option('--host', values.host), ...option('--port', values.port), ...option('--user', values.user), ...folder];
    if (type === 'sftp') {
        const key = values.key_file ? ['--key', values.key_file] : ['--password-stdin'];
        return command(...common, ...server, ...key, ...option('--host-key-fingerprint', values.host_key));
    }
    if (type === 'ftp') return command(...common, ...server, '--password-stdin', ...option('--ca-file', values.ca_file), values.tls === 'implicit' && '--implicit');
    return command(...common, ...folder);
}
