// Line icons on a grid of 24, drawn for this page.
import { html } from '../lib/ui.js';

const paths = {
    activity: 'M3 12h4l3-8 4 16 3-8h4',
    alert: 'M12 3.6 21.5 20h-19zM12 10v4.4M12 17.4v.1',
    archive: 'M3 4.5h18v4H3zM5 8.5v11h14v-11M10 12.5h4',
    arrowup: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 16V8.5M8.5 11.5 12 8l3.5 3.5',
    bell: 'M6 9.5a6 6 0 0 1 12 0c0 6 2.5 7 2.5 7h-17S6 15.5 6 9.5M10 20a2.2 2.2 0 0 0 4 0',
    box: 'M12 2.8 20.5 7v10L12 21.2 3.5 17V7zM3.8 7.2 12 11.4l8.2-4.2M12 11.4v9.6',
    calendar: 'M4 5.5h16v15H4zM4 10h16M8 3v4M16 3v4',
    check: 'm4.5 12.5 5 5 10-11',
    checkcircle: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M8 12.2l2.8 2.8 5.2-5.6',
    chevron: 'm9 5 7 7-7 7',
    chevrondown: 'm5 9 7 7 7-7',
    circle: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18',
    clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5.2l3.4 2',
    close: 'm6 6 12 12M18 6 6 18',
    cloud: 'M7 19a4.6 4.6 0 0 1-.6-9.2A6 6 0 0 1 18 9.3 4.9 4.9 0 0 1 17.6 19z',
    cloudoff: 'M7 19a4.6 4.6 0 0 1-.6-9.2A6 6 0 0 1 7.6 7.600M10.500 5.700A6 6 0 0 1 18 9.300a4.900 4.900 0 0 1 2.700 8.100M17 19H7M3 3l18 18',
    copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
    disk: 'M4 13.500h16v6H4zM4 13.500 6.500 4.500h11l2.500 9M16.500 16.500h.1M13.500 16.500h.1',
    dots: 'M5 12h.1M12 12h.1M19 12h.1',
    download: 'M12 4v11M7.500 11 12 15.500 16.500 11M4.500 20h15',
    edit: 'M4 20h4L19.500 8.500l-4-4L4 16zM13.500 6.500l4 4',
    external: 'M10 5H5v14h14v-5M14 4h6v6M20 4l-9 9',
    eye: 'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12M12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600',
    file: 'M6 3h8l4 4v14H6zM14 3v4h4',
    folder: 'M3 6h6l2 2.500h10V19H3z',
    globe: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18',
    help: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9.500 9.500a2.600 2.600 0 1 1 3.600 2.400c-.8.4-1.100.9-1.100 1.800M12 17v.1',
    home: 'M4 11 12 4l8 7v9h-5.500v-5.500h-5V20H4z',
    info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v5.500M12 7.700v.1',
    key: 'M8 20a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9M11.200 12.200 20 3.500M16 7.500l3 3',
    keyboard: 'M2.500 6.500h19v11h-19zM6.500 10h.1M10 10h.1M13.500 10h.1M17.500 10h.1M7.500 14h9',
    lock: 'M5 11h14v9.500H5zM8 11V8a4 4 0 0 1 8 0v3',
    logout: 'M14 4H5v16h9M10 12h10.500M17 8.500l3.500 3.500-3.500 3.500',
    moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500',
    pause: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M10 9v6M14 9v6',
    pin: 'M9 4h6l-.8 6 3.300 4H6.500l3.300-4zM12 14v6.500',
    play: 'M7 4.500 19.500 12 7 19.500z',
    plus: 'M12 5v14M5 12h14',
    refresh: 'M20 11.500a8 8 0 0 0-14.500-4L3.500 10M3.500 4.500V10H9M4 12.500a8 8 0 0 0 14.500 4l2-2.500M20.500 19.500V14H15',
    search: 'M10.500 18a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15M16 16l5 5',
    server: 'M4 4h16v6.500H4zM4 13.500h16V20H4zM7.500 7.300h.1M7.500 16.800h.1M11 7.300h5.500M11 16.800h5.500',
    shield: 'M12 2.800 20 6v5.500c0 5-3.400 8.300-8 9.800-4.600-1.500-8-4.800-8-9.800V6z',
    sliders: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.300a2.300 2.300 0 1 0 0-4.600 2.300 2.300 0 0 0 0 4.600M9 19.300a2.300 2.300 0 1 0 0-4.600 2.300 2.300 0 0 0 0 4.600',
    stop: 'M6 6h12v12H6z',
    stored: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5',
    sun: 'M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9M12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M4.900 4.900l1.800 1.800M17.300 17.300l1.800 1.800M4.900 19.100l1.800-1.800M17.300 6.700l1.800-1.800',
    terminal: 'm5 7 5 5-5 5M12.500 17.500H19',
    trash: 'M4 6.500h16M9 6.500V4h6v2.500M6 6.500l1 14h10l1-14M10 10.500v6M14 10.500v6',
    triangle: 'M8.500 3.500h7L22 15l-3.500 6h-13L2 15zM8.500 3.500 15.500 15.500H22M15.500 3.500 5.500 21M2 15',
    user: 'M12 11.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20.500c.600-4 3.800-6 8-6s7.400 2 8 6',
    wrench: 'M14.500 6.500a4.500 4.500 0 0 1 5.800-2.300l-3 3 .4 2.100 2.100.4 2-2a4.500 4.500 0 0 1-6.100 5.200L8.500 20.200a2.300 2.300 0 0 1-3.300-3.300l7.300-7.200a4.500 4.500 0 0 1 2-3.200',
    xcircle: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9 9l6 6M15 9l-6 6',
    octagon: 'M8.300 3h7.400L21 8.300v7.400L15.700 21H8.300L3 15.700V8.300zM9 9l6 6M15 9l-6 6',
};

// Says nothing to a screen reader: the word beside it does.
export function Icon({ name, size = 18, class: className = '' }) {
    return html`<svg class=${`icon ${className}`} width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
        stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"><path d=${paths[name]} /></svg>`;
}

export function Logo({ size = 28 }) {
    return html`<svg width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="8" class="logo-ground" />
        <path d="M10.6 20.800a4.300 4.300 0 0 1-.500-8.600 6 6 0 0 1 11.400-1 4.600 4.600 0 0 1 .600 9.100" fill="none" stroke="#fff" stroke-width="2.300" stroke-linecap="round" />
        <path d="m12 20.400 3.200 3.200 6-6.400" fill="none" stroke="#9ff0c6" stroke-width="2.600" stroke-linecap="round" stroke-linejoin="round" />
    </svg>`;
}

export const typeIcon = { local: 'disk', sftp: 'server', ftp: 'server', dropbox: 'box', 'google-drive': 'triangle', s3: 'archive', webdav: 'globe' };
