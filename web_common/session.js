// Whether somebody is logged in here, as far as script may know: the session itself is a cookie that it cannot see.

const KEPT_AS = "toybackend.account";

/** The id of whoever logged in last and did not log out; null for nobody. */
export const remembered = () => localStorage.getItem(KEPT_AS);
/** @param {string} id */
export const remember = (id) => localStorage.setItem(KEPT_AS, id);
/** Only this one: somebody else may have come meanwhile. @param {string} [id] */
export function forgetSession(id) {
  if (!id || remembered() === id) localStorage.removeItem(KEPT_AS);
}

/** Called when another tab logs in, or out. @param {() => void} changed */
export function onOtherSession(changed) {
  addEventListener("storage", ({ key, oldValue, newValue }) => {
    if (key === KEPT_AS && oldValue !== newValue) changed();
  });
}
