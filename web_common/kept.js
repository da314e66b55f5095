// What has to survive a reload and a restart of the browser: a small IndexedDB database of rows, by their `ref`.

const ROWS = "rows";
const VERSION = 1;

/** @typedef {{ ref: string, at: number } & Record<string, any>} Row */

export class Kept {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
    // Another tab deletes it: let it.
    database.onversionchange = () => database.close();
  }

  #database;

  /**
   * Null where the browser keeps nothing, as some do in private windows.
   * @param {string} name
   * @returns {Promise<Kept | null>}
   */
  static async open(name) {
    try {
      const request = indexedDB.open(name, VERSION);
      request.onupgradeneeded = () => request.result.createObjectStore(ROWS, { keyPath: "ref" });
      return new Kept(await answer(request));
    } catch {
      return null;
    }
  }

  /** Delete a database, whoever has it open. @param {string} name */
  static async forget(name) {
    await (await Kept.open(name))?.destroy().catch(() => {});
  }

  /** The oldest first. @returns {Promise<Row[]>} */
  async all() {
    const rows = await answer(this.#database.transaction(ROWS).objectStore(ROWS).getAll());
    return rows.sort((/** @type {Row} */ a, /** @type {Row} */ b) => a.at - b.at);
  }

  /** Resolves when it is on the disk. @param {Row} row */
  put(row) {
    return this.#change((rows) => rows.put(row));
  }

  /** @param {string} ref */
  remove(ref) {
    return this.#change((rows) => rows.delete(ref));
  }

  /** Everything, and the database itself. */
  async destroy() {
    await this.#change((rows) => rows.clear());
    const { name } = this.#database;
    this.#database.close();
    indexedDB.deleteDatabase(name);
  }

  /** @param {(rows: IDBObjectStore) => unknown} change @returns {Promise<void>} */
  #change(change) {
    return new Promise((resolve, reject) => {
      const transaction = this.#database.transaction(ROWS, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
      change(transaction.objectStore(ROWS));
    });
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
