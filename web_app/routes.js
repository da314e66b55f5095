// Which path shows which screen. A screen and its styles are fetched when it is shown for the first time.

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./app.js").Screen} Screen */
/** @typedef {(app: App) => Screen} MakeScreen */

/** Everywhere but in the entrance, which shall be there soonest. */
const FACES = "../web_common/avatar";

/** @type {[RegExp, string[], (...parts: string[]) => Promise<MakeScreen>][]} */
const ROUTES = [
  [/^$/, ["entrance/entrance", "appearance"], async () => {
    const { EntranceScreen } = await import("./entrance/screen.js");
    return (app) => new EntranceScreen(app);
  }],
  [/^chats$/, ["chats/chats"], async () => {
    const { ChatsScreen } = await import("./chats/screen.js");
    return (app) => new ChatsScreen(app);
  }],
  [/^chats\/([a-z]_\w+)$/, ["chat/chat", "chat/composer", "../web_common/waveform"], async (id) => {
    const { ChatScreen } = await import("./chat/screen.js");
    return (app) => new ChatScreen(app, id);
  }],
  [/^toys$/, ["toys/toys"], async () => {
    const { ToysScreen } = await import("./toys/screen.js");
    return (app) => new ToysScreen(app);
  }],
  [/^toys\/add(?:\/([A-Za-z0-9-]+))?$/, ["toys/toys", "toys/scanner"], async (code) => {
    const { AddToyScreen } = await import("./toys/add.js");
    return (app) => new AddToyScreen(app, code);
  }],
  [/^toys\/(t_\w+)$/, ["toys/toys", "people/people"], async (id) => {
    const { ToyScreen } = await import("./toys/toy.js");
    return (app) => new ToyScreen(app, id);
  }],
  [/^people$/, ["people/people"], async () => {
    const { PeopleScreen } = await import("./people/screen.js");
    return (app) => new PeopleScreen(app);
  }],
  [/^people\/add(?:\/([pt]_\w+))?$/, ["people/people", "toys/scanner"], async (id) => {
    const { AddContactScreen } = await import("./people/add.js");
    return (app) => new AddContactScreen(app, id);
  }],
  [/^groups\/(new|g_\w+)$/, ["people/people"], async (id) => {
    const { GroupScreen } = await import("./people/group.js");
    return (app) => new GroupScreen(app, id);
  }],
  [/^songs$/, ["songs/songs"], async () => {
    const { SongsScreen } = await import("./songs/screen.js");
    return (app) => new SongsScreen(app);
  }],
  [/^account$/, ["account/account", "appearance"], async () => {
    const { AccountScreen } = await import("./account/screen.js");
    return (app) => new AccountScreen(app);
  }],
];

/** @param {string} path @returns {Promise<MakeScreen>} */
export async function findRoute(path) {
  for (const [pattern, styles, load] of ROUTES) {
    const found = pattern.exec(path);
    if (!found) continue;
    const parts = found.slice(1).map((part) => part && decodeURIComponent(part));
    const [make] = await Promise.all([load(...parts), ...styles.map(wearStyle), path && wearStyle(FACES)]);
    return make;
  }
  return findRoute("chats");
}

/** Fetch every screen that was not shown yet, so that it is there at once, and without a network too. */
export async function fetchScreens() {
  for (const [, styles, load] of ROUTES) await Promise.all([load(""), ...styles.map(wearStyle)]);
}

/** @type {Map<string, Promise<void>>} */
const worn = new Map();

/** Resolves when the style is there, so that no screen is seen without it. @param {string} name */
function wearStyle(name) {
  const found = worn.get(name);
  if (found) return found;
  const coming = new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`./${name}.css`, import.meta.url).href;
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      worn.delete(name);
      reject(new Error(`no style ${name}`));
    };
    document.head.append(link);
  });
  worn.set(name, coming);
  return coming;
}
