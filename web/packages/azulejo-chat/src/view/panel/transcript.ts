// A conversation as a text: what is saved.

import type { State, Turn } from "../../conversation/state.js";
import type { Settings } from "../../element/settings.js";
import type { Speaker } from "../../language/translation.js";
import { addressOf, nameOf } from "../results/place.js";

export function transcript({ turns }: State, speaker: Speaker, settings: Settings, now = new Date()): string {
  const title = settings.name ? speaker.say("titleOf", { name: settings.name }) : speaker.say("title");
  const head = [`${title}, ${speaker.date(now)}`, speaker.say("notice"), ...(settings.human ? [`${speaker.say("human")}: ${settings.human}`] : [])];
  return `${[head.join("\n"), ...turns.map((turn) => told(turn, speaker, settings))].join("\n\n")}\n`;
}

function told({ question, answer, found, emergency }: Turn, speaker: Speaker, settings: Settings): string {
  const lines = [`${speaker.say("you")}: ${question}`];
  if (emergency) lines.push(`${speaker.say("emergencyHelp")} ${settings.emergency.join(", ")}`);
  if (answer?.text) lines.push(`${speaker.say("assistant")}: ${answer.text}`);
  const quoted = answer?.quoted === null || answer?.quoted === undefined ? null : found?.[answer.quoted]?.passage;
  if (quoted) lines.push(`${speaker.say("quoted")}\n${quoted.text}`);
  if (found?.length === 0) lines.push(`${speaker.say("search")}: ${speaker.say("nothingFound")}`);
  if (found && found.length > 0) lines.push(`${speaker.say("fromThePages")}:`);
  found?.forEach(({ passage }, index) => lines.push(`[${index + 1}] ${nameOf(passage)}: ${addressOf(passage, settings)}`));
  return lines.join("\n");
}
