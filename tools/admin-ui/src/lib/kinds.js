// The kinds of places, and what has to be said about each. Texts: kind.<type>, field.<key>, help.<type>.<key>.

export const kinds = {
    local: {
        fields: [{ key: 'path', required: true, example: '/mnt/disk2/backup' }],
        secrets: [],
    },
    sftp: {
        fields: [
            { key: 'host', required: true, example: 'nas.lan' },
            { key: 'port', number: true, fallback: 22, narrow: true },
            { key: 'user', required: true, half: true, example: 'backup' },
            { key: 'folder', half: true, fallback: 'ORACXPRED' },
        ],
        secrets: [],
    },
    ftp: {
        fields: [
            { key: 'host', required: true, example: 'ftp.example.org' },
            { key: 'port', number: true, narrow: true, optional: true },
            { key: 'user', required: true, half: true, example: 'backup' },
            { key: 'folder', half: true, fallback: 'ORACXPRED' },
        ],
        secrets: [{ key: 'password', required: true }],
        more: [{ key: 'tls', choices: ['explicit', 'implicit'], fallback: 'explicit' }, { key: 'ca_file', optional: true, example: '/etc/ssl/nas-ca.pem' }],
    },
    dropbox: { fields: [{ key: 'folder', fallback: '/ORACXPRED' }], secrets: [], more: gateway() },
    'google-drive': { fields: [{ key: 'folder', fallback: 'ORACXPRED' }], secrets: [], more: gateway() },
};

// Whoever reaches the service through a gateway of their own.
function gateway() {
    return [
        { key: 'base_url', optional: true, example: 'https://gateway.example.org' },
        { key: 'ca_file', optional: true, example: '/etc/ssl/gateway-ca.pem' },
    ];
}

export const limits = [
    { key: 'upload_limit', optional: true, example: '2MiB/s' },
    { key: 'download_limit', optional: true, example: '8MiB/s' },
];

export const widthOf = (field) => (field.narrow ? 'narrow-field' : field.half || field.key.endsWith('_limit') ? 'half-field' : 'wide-field');

export const isCloud = (type) => type === 'dropbox' || type === 'google-drive';

// "nas", or "nas-2" if there is one already.
export function freeName(wish, taken) {
    if (!taken.includes(wish)) return wish;
    let number = 2;
    while (taken.includes(`${wish}-${number}`)) number += 1;
    return `${wish}-${number}`;
}

export const isName = (text) => /^[a-z0-9-]{1,32}$/.test(text);

// The settings of a form as the daemon takes them: what was left empty is not said.
export function settingsOf(fields, values) {
    const settings = {};
    for (const { key, number } of fields) {
        const text = String(values[key] ?? '').trim();
        if (text !== '') settings[key] = number ? Number(text) : text;
    }
    return settings;
}
