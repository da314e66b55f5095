// Asking the server over HTTP. The page's session is a cookie that script cannot read; errors are RFC 9457 problems.

export const API = "/api/v1";

/** A phone that slept has requests that nobody answers any more; in milliseconds. */
const PATIENCE = 20_000;

/** A refusal: `code` is the server's stable word for it, or `server_away` when there was no answer at all. */
export class Problem extends Error {
  /**
   * @param {string} code
   * @param {{ status?: number, detail?: string, retryAfter?: number | null, body?: any }} [more]
   */
  constructor(code, { status = 0, detail = "", retryAfter = null, body = null } = {}) {
    super(detail || code);
    this.name = "Problem";
    this.code = code;
    this.status = status;
    /** Seconds after which trying again makes sense. */
    this.retryAfter = retryAfter;
    /** The whole problem document, where a route says more in it. */
    this.body = body;
  }
}

/**
 * One request. Gives the JSON of the answer, or null where there is none. Throws Problem.
 * @param {string} method
 * @param {string} path below `/api/v1`, with its query
 * @param {{ body?: any, token?: string, signal?: AbortSignal }} [options] `token`: speak for a toy, not for the cookie
 * @returns {Promise<any>}
 */
export async function ask(method, path, { body, token, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(API + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: token ? "omit" : "same-origin",
      signal: inTime(signal),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem("server_away");
  }
  const answer = await readJson(response);
  if (!response.ok) throw problemOf(response.status, response.headers.get("Retry-After"), answer);
  return answer;
}

/** @param {string} path @param {{ token?: string, signal?: AbortSignal }} [options] */
export const get = (path, options) => ask("GET", path, options);
/** @param {string} path @param {any} [body] @param {{ token?: string }} [options] */
export const post = (path, body = {}, options) => ask("POST", path, { body, ...options });
/** @param {string} path @param {any} body */
export const put = (path, body) => ask("PUT", path, { body });
/** @param {string} path @param {any} body */
export const patch = (path, body) => ask("PATCH", path, { body });
/** @param {string} path @param {any} [body] */
export const remove = (path, body) => ask("DELETE", path, { body });

/**
 * Send a form with files, and tell how far it is. Throws Problem; aborting `signal` ends it.
 * @param {string} path
 * @param {FormData} form
 * @param {(share: number) => void} onProgress from 0 to 1
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export function upload(path, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    // XMLHttpRequest, because fetch cannot tell how much has been sent.
    const request = new XMLHttpRequest();
    request.open("POST", API + path);
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
    request.onload = () =>
      request.status < 300
        ? resolve(request.response)
        : reject(problemOf(request.status, request.getResponseHeader("Retry-After"), request.response));
    request.onerror = () => reject(new Problem("server_away"));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/**
 * A link of ours as this page asks for it: the server may be known to others by another name.
 * @param {string} url
 */
export function here(url) {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

/** @param {AbortSignal} [signal] */
function inTime(signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  return signal ? AbortSignal.any([signal, patience]) : patience;
}

/** @param {Response} response */
async function readJson(response) {
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/**
 * @param {number} status
 * @param {string | null} retryAfter
 * @param {any} answer
 */
function problemOf(status, retryAfter, answer) {
  // What stands in front of the server, such as a proxy, answers without our codes.
  const code = typeof answer?.code === "string" ? answer.code : status >= 500 ? "server_away" : "internal";
  return new Problem(code, {
    status,
    detail: answer?.detail ?? "",
    retryAfter: retryAfter ? Number(retryAfter) : null,
    body: answer,
  });
}
