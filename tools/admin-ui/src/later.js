// What is behind the first page: fetched in one go when any of it is wanted.
export { ConnectDialog } from './dialogs/connect.js';
export { ExplainDialog } from './dialogs/explain.js';
export { HelpDialog } from './dialogs/help.js';
export { RestoreDialog } from './dialogs/restore.js';
export { SettingsDialog } from './dialogs/provider-settings.js';
export { SignIn } from './dialogs/sign-in.js';
export { TaskDialog } from './dialogs/task.js';
export { TestDialog } from './dialogs/test.js';
export { TrustDialog } from './dialogs/trust.js';
export { Activity } from './pages/activity.js';
export { Backups } from './pages/backups.js';
export { Providers } from './pages/providers.js';
export { Settings } from './pages/settings.js';
