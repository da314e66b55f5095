// Choosing how a toy looks: its picture and its colour.

import { avatar, COLOURS, PICTURES } from "../../web_common/avatar.js";
import { html, live } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";

/** @typedef {{ picture: string, colour: string }} Looks */

const t = texts({
  en: {
    bear: "Bear",
    cat: "Cat",
    colour: "Colour",
    dog: "Dog",
    elephant: "Elephant",
    fox: "Fox",
    honey: "Honey",
    leaf: "Leaf green",
    owl: "Owl",
    penguin: "Penguin",
    picture: "Picture",
    plum: "Plum",
    rabbit: "Rabbit",
    rose: "Rose",
    sky: "Sky blue",
    stone: "Stone grey",
  },
  zh: {
    bear: "小熊",
    cat: "小猫",
    colour: "颜色",
    dog: "小狗",
    elephant: "大象",
    fox: "狐狸",
    honey: "蜂蜜黄",
    leaf: "叶子绿",
    owl: "猫头鹰",
    penguin: "企鹅",
    picture: "图片",
    plum: "梅子紫",
    rabbit: "兔子",
    rose: "玫瑰红",
    sky: "天空蓝",
    stone: "石头灰",
  },
});

/** Both, each as a group of radios. @param {Looks} looks @param {(change: Partial<Looks>) => void} choose */
export function looksChoice(looks, choose) {
  const { picture, colour } = looks;
  return html`
    ${choice("picture", [...PICTURES.keys()], picture, (one) => choose({ picture: one }), (one) => face(one, colour))}
    ${choice("colour", [...COLOURS], colour, (one) => choose({ colour: one }), (one) => html`<span class="avatar tone-${one}"></span>`)}
  `;
}

/** @param {string} picture @param {string} colour */
const face = (picture, colour) => avatar({ id: "", name: "", kind: "toy", picture, colour: colour || "stone" });

/**
 * @param {"picture" | "colour"} name
 * @param {string[]} words
 * @param {string} chosen
 * @param {(word: string) => void} choose
 * @param {(word: string) => unknown} draw
 */
function choice(name, words, chosen, choose, draw) {
  return html`<fieldset class="toys-choices ${name}">
    <legend class="legend">${t(name)}</legend>
    ${words.map(
      (one) => html`<label class="toys-choice" title=${t(/** @type {"bear"} */ (one))}>
        <input type="radio" name=${name} value=${one} .checked=${live(one === chosen)} @change=${() => choose(one)} />
        ${draw(one)}<span class="visually-hidden">${t(/** @type {"bear"} */ (one))}</span>
      </label>`,
    )}
  </fieldset>`;
}
