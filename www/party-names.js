// The names of the two people in the diagram, as this side knows them.

import { el } from "./dom.js";

const WORDS = /User [12]/g;

/** By "User 1" and "User 2", the name that is said in their place. */
const names = new Map();
/** Texts that are shown, each with the function that writes it anew. */
const written = new Map();

function pieces(text) {
  const found = [...text.matchAll(WORDS)];
  const ends = [...found.map(({ index }) => index), text.length];
  const spoken = ([word], index, at) => [names.has(word) ? el("bdi", {}, names.get(word)) : word, text.slice(at, ends[index + 1])];
  return [text.slice(0, ends[0]), ...found.flatMap((match, index) => spoken(match, index, match.index + match[0].length))];
}

/** Writes `text` into `node`, with the people's names, also those that are known later. */
export function writeNamed(node, text) {
  written.set(node, text);
  node.replaceChildren(...pieces(text));
  return node;
}

/** The text as it is said now, for what can hold no elements. */
export const saidNamed = (text) => text.replaceAll(WORDS, (word) => names.get(word) ?? word);

/** Notes the name of a person; `null` if nobody is known. */
export function callParty(word, name) {
  if ((names.get(word) ?? null) === name) return;
  if (name === null) names.delete(word);
  else names.set(word, name);
  for (const [node, text] of written) {
    if (node.isConnected) node.replaceChildren(...pieces(text));
    else written.delete(node);
  }
}
