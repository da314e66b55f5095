// Licences: make new ones, take over old ones, find one, end one.

import { get, post } from "../web_common/api.js";
import { html, nothing, repeat } from "../web_common/html.js";
import { problemWords } from "../web_common/problems.js";
import { confirm } from "../web_common/sheet.js";
import { date } from "../web_common/times.js";
import { toast, toastProblem } from "../web_common/toast.js";
import { locale, texts } from "../web_common/texts.js";

/** @typedef {{ device_id: string, issued_at: string, revoked_at: string | null, is_bound: boolean }} Device */

/** Of one request, and of one page of the table. */
const BATCH = 1000;
const PAGE = 50;
const LICENCE_DIGITS = 32;

const t = texts({
  en: {
    bound: "has a family",
    count: "How many",
    device: "Device",
    end: "Revoke",
    endBody: "The toy is cut off at once and says: please contact the manufacturer. This cannot be undone.",
    endTitle: "Revoke {id}?",
    ended: "revoked {date}",
    find: "Find",
    findHint: "The beginning of a device id, or a whole licence",
    free: "no family yet",
    importButton: "Import",
    importHint: "A text or CSV file with licences of 32 hex digits",
    importTitle: "Take over old licences",
    imported: "{fresh} new, {known} known already",
    issue: "Issue and save",
    issueHint: "The file is the only place where these licences can be read: the server keeps none of them.",
    issueTitle: "New licences",
    issued: "Issued",
    made: "{n} licences saved in {file}",
    more: "More",
    nobody: "No device is called so.",
    noneInFile: "There is no licence in this file.",
    state: "State",
    working: "{n} of {all}…",
  },
  zh: {
    bound: "已有家",
    count: "数量",
    device: "设备",
    end: "吊销",
    endBody: "这个玩具会立刻断开，并提示“请联系生产厂家”。此操作无法撤销。",
    endTitle: "吊销 {id}？",
    ended: "{date} 吊销",
    find: "查找",
    findHint: "设备号的开头，或完整的授权码",
    free: "还没有家",
    importButton: "导入",
    importHint: "含 32 位十六进制授权码的文本或 CSV 文件",
    importTitle: "导入旧授权码",
    imported: "新增 {fresh} 个，已有 {known} 个",
    issue: "生成并保存",
    issueHint: "只有这个文件里能看到这些授权码，服务器不保存原文。",
    issueTitle: "生成授权码",
    issued: "生成时间",
    made: "{n} 个授权码已保存到 {file}",
    more: "更多",
    nobody: "没有这样的设备。",
    noneInFile: "文件里没有授权码。",
    state: "状态",
    working: "{n} / {all}…",
  },
});

export class LicencesRoom {
  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  #changed;
  /** @type {Device[]} */
  #devices = [];
  #begins = "";
  #hasMore = false;
  /** Of the latest question; an answer to an older one comes too late. */
  #turn = 0;
  #working = "";
  #problem = "";

  open() {
    void this.#find("");
  }

  close() {}

  view() {
    return html`
      <div class="op-two">
        <form class="card" @submit=${this.#issue}>
          <h2>${t("issueTitle")}</h2>
          <label class="field"
            ><span>${t("count")}</span><input name="count" type="number" min="1" max="100000" value="10" required
          /></label>
          <p class="quiet small">${t("issueHint")}</p>
          <button class="button" ?disabled=${this.#working !== ""}>${t("issue")}</button>
        </form>
        <form class="card" @submit=${this.#import}>
          <h2>${t("importTitle")}</h2>
          <label class="field"
            ><span>${t("importHint")}</span><input name="file" type="file" accept=".txt,.csv,text/plain,text/csv" required
          /></label>
          <button class="button secondary" ?disabled=${this.#working !== ""}>${t("importButton")}</button>
        </form>
      </div>
      <p role="status" class="quiet" ?hidden=${!this.#working}>${this.#working}</p>
      ${this.#problem ? html`<p class="problem" role="alert">${this.#problem}</p>` : nothing}
      <section class="card">
        <form class="row" role="search" @submit=${this.#search}>
          <label class="field grow"
            ><span>${t("findHint")}</span><input name="wanted" type="search" maxlength="64" autocomplete="off"
          /></label>
          <button class="button secondary">${t("find")}</button>
        </form>
        ${this.#devices.length ? this.#table() : html`<p class="quiet">${t("nobody")}</p>`}
        ${this.#hasMore ? html`<button class="button secondary" @click=${() => this.#more()}>${t("more")}</button>` : nothing}
      </section>
    `;
  }

  #table() {
    return html`<div class="op-scroll" tabindex="0" role="region" aria-label=${t("device")}>
      <table class="op-table">
        <thead>
          <tr><th scope="col">${t("device")}</th><th scope="col">${t("issued")}</th><th scope="col">${t("state")}</th><td></td></tr>
        </thead>
        <tbody>
          ${repeat(this.#devices, (one) => one.device_id, (one) => this.#row(one))}
        </tbody>
      </table>
    </div>`;
  }

  /** @param {Device} device */
  #row(device) {
    const { device_id: id, issued_at, revoked_at, is_bound } = device;
    const state = revoked_at ? t("ended", { date: date(revoked_at) }) : is_bound ? t("bound") : t("free");
    return html`<tr>
      <td class="op-id">${id}</td>
      <td>${date(issued_at)}</td>
      <td>${state}</td>
      <td>
        ${revoked_at
          ? nothing
          : html`<button class="button danger" aria-label=${`${t("end")} ${id}`} @click=${() => this.#revoke(device)}>${t("end")}</button>`}
      </td>
    </tr>`;
  }

  #search = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const wanted = String(form.get("wanted"));
    const digits = wanted.replace(/[^0-9a-f]/gi, "");
    // However it is written, in quotes or with dashes: what may be a licence never becomes part of an address.
    if (digits.length >= LICENCE_DIGITS) await this.#findLicence(digits.slice(0, LICENCE_DIGITS));
    else await this.#find(beginning(wanted));
  };

  /** A licence is a secret, so it goes in a body and not in an address. @param {string} license */
  async #findLicence(license) {
    this.#turn += 1;
    try {
      this.#devices = [await post("/devices/find", { license })];
    } catch (error) {
      this.#devices = [];
      if (/** @type {any} */ (error).status !== 404) toastProblem(error);
    }
    this.#hasMore = false;
    this.#changed();
  }

  /** @param {string} begins */
  async #find(begins) {
    this.#begins = begins;
    await this.#read([]);
  }

  /** The page after what is shown. */
  #more() {
    return this.#read(this.#devices);
  }

  /** @param {Device[]} before what stays above the page */
  async #read(before) {
    const turn = ++this.#turn;
    const asked = new URLSearchParams({ begins: this.#begins, after: before.at(-1)?.device_id ?? "", limit: `${PAGE}` });
    try {
      const { devices } = await get(`/devices?${asked}`);
      if (turn !== this.#turn) return; // something else was asked for meanwhile
      this.#devices = [...before, ...devices];
      this.#hasMore = devices.length === PAGE;
    } catch (error) {
      toastProblem(error);
    }
    this.#changed();
  }

  #issue = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const all = Number(form.get("count"));
    /** @type {{ device_id: string, license: string }[]} */
    const made = [];
    await this.#work(async () => {
      while (made.length < all) {
        const { devices } = await post("/devices", { count: Math.min(BATCH, all - made.length) });
        made.push(...devices);
        this.#say(made.length, all);
      }
    });
    // Also after a failure half-way: these can never be read again.
    if (made.length) save(made);
    await this.#find(this.#begins);
  };

  #import = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const file = /** @type {File} */ (new FormData(form).get("file"));
    const licences = (await file.text()).match(/\b[0-9a-f]{32}\b/gi) ?? [];
    if (!licences.length) return toast(t("noneInFile"), "error");
    let fresh = 0;
    await this.#work(async () => {
      for (let done = 0; done < licences.length; done += BATCH) {
        fresh += (await post("/devices/import", { licenses: licences.slice(done, done + BATCH) })).new;
        this.#say(Math.min(done + BATCH, licences.length), licences.length);
      }
      toast(t("imported", { fresh, known: licences.length - fresh }));
      form.reset();
    });
    await this.#find(this.#begins);
  };

  /** @param {Device} device */
  async #revoke(device) {
    const id = device.device_id;
    if (!(await confirm({ title: t("endTitle", { id }), body: t("endBody"), yes: t("end"), isDangerous: true }))) return;
    try {
      const revoked = await post(`/devices/${id}/revoke`);
      this.#devices = this.#devices.map((one) => (one.device_id === id ? revoked : one));
    } catch (error) {
      toastProblem(error);
    }
    this.#changed();
  }

  /** @param {() => Promise<void>} deed */
  async #work(deed) {
    this.#problem = "";
    try {
      await deed();
    } catch (error) {
      this.#problem = problemWords(error);
    }
    this.#working = "";
    this.#changed();
  }

  /** @param {number} done @param {number} all */
  #say(done, all) {
    const words = new Intl.NumberFormat(locale());
    this.#working = t("working", { n: words.format(done), all: words.format(all) });
    this.#changed();
  }
}

/** Of a device id, which all begin alike: people type what comes after that, too. @param {string} wanted */
function beginning(wanted) {
  const plain = wanted.toLowerCase().replace(/[^a-z0-9_]/g, "");
  return plain && !plain.startsWith("d_") ? `d_${plain}` : plain;
}

/** Hand the licences over as a file; nothing of them stays in the page. @param {{ device_id: string, license: string }[]} made */
function save(made) {
  const rows = made.map(({ device_id, license }) => `${device_id},${license}`);
  const blob = new Blob([["device_id,license", ...rows, ""].join("\r\n")], { type: "text/csv" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `licences-${new Date().toISOString().slice(0, 10)}-${made.length}.csv`;
  link.click();
  // The browser has it only once it has begun to write.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  toast(t("made", { n: made.length, file: link.download }));
}
