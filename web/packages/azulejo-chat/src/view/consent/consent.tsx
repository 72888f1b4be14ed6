// Asks before anything is downloaded, and says what the visitor is owed.

import { useState } from "preact/hooks";

import { failureText } from "../../conversation/failure.js";
import type { About, EngineState, Where } from "../../conversation/state.js";
import { Icon } from "../icon.js";
import { Human } from "../results/results.js";
import { hostOf, type Ui } from "../ui.js";

/** Bytes of the program that runs a model: build.mjs. A server that compresses sends less. */
declare const AZULEJO_ENGINE_BYTES: number;

const HELD = { data: "heldData", metered: "heldMetered", battery: "heldBattery" } as const;

export function Consent({ about, engine, ...ui }: Ui & { about: About | null; engine: EngineState }) {
  const { speaker, settings, acts } = ui;
  const isPossible = about !== null && !about.tooSmall && !about.failure;
  const hasServer = settings.server !== "";
  const [chosen, choose] = useState<Where>(engine.phase === "failed" && engine.where === "device" && hasServer ? "server" : "device");
  const where: Where = hasServer && !isPossible ? "server" : chosen;
  const isOpen = isPossible || hasServer;
  return (
    <div class="consent" part="consent" role="group" aria-labelledby="consent">
      <h3 id="consent">{speaker.say("consent")}</h3>
      <p>{speaker.say("consentIsAi")} {speaker.say("consentLimits")}</p>
      {about?.tooSmall && <p class="failure"><Icon name="warning" />{memory(ui, about.tooSmall)}</p>}
      {about?.failure && <p class="failure"><Icon name="warning" />{failureText(speaker, about.failure, "device")}</p>}
      {isPossible && hasServer && <Choice {...ui} chosen={where} choose={choose} />}
      {where === "server" && !isPossible && <p>{speaker.say("onServer", { host: hostOf(settings.server) })}: {speaker.say("onServerHelp")}</p>}
      {isPossible && where === "device" && <Facts {...ui} about={about} />}
      {about?.held && <p class="aside">{speaker.say(HELD[about.held])}</p>}
      <p class="row">
        <Human {...ui} />
        {isOpen && (
          <button type="button" class="strong" onClick={() => acts.agree(where)}>
            {where === "server" ? speaker.say("yesServer") : yes(ui, about)}
          </button>
        )}
        <button type="button" class="outlined" onClick={acts.decline}>{speaker.say("notNow")}</button>
      </p>
    </div>
  );
}

function yes({ speaker }: Ui, about: About | null): string {
  if (about?.kept) return speaker.say("yesKept");
  const bytes = about?.bytes ?? null;
  return bytes === null ? speaker.say("yesUnknown") : speaker.say("yes", { size: speaker.size(bytes) });
}

function memory({ speaker }: Ui, { needed, free }: { needed: number; free: number }): string {
  return speaker.say("tooSmall", { needed: speaker.size(needed), free: speaker.size(free) });
}

function Choice({ speaker, settings, chosen, choose }: Ui & { chosen: Where; choose(where: Where): void }) {
  const options = [
    ["device", speaker.say("onDevice"), speaker.say("onDeviceHelp")],
    ["server", speaker.say("onServer", { host: hostOf(settings.server) }), speaker.say("onServerHelp")],
  ] as const;
  return (
    <fieldset>
      <legend>{speaker.say("consentWhere")}</legend>
      {options.map(([where, name, help]) => (
        <label class="option">
          <input type="radio" name="where" value={where} checked={chosen === where} onChange={() => choose(where)} />
          <span><strong>{name}</strong> {help}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Facts({ speaker, about }: Ui & { about: About }) {
  const { bytes, kept, name, licence } = about;
  const size = bytes === null ? speaker.say("consentSizeUnknown") : speaker.say("consentSize", {
    size: speaker.size(bytes), bytes: speaker.number(bytes), engine: speaker.size(AZULEJO_ENGINE_BYTES),
  });
  const facts = [
    [speaker.say("consentModel"), name],
    [speaker.say("consentLicence"), licence],
    [speaker.say("consentDownload"), kept && bytes !== null ? speaker.say("consentKeptAlready", { size: speaker.size(bytes) }) : size],
    [speaker.say("consentKept"), speaker.say("consentKeptWhere")],
    [speaker.say("consentDeleted"), speaker.say("consentDeletedHow")],
  ] as const;
  return (
    <dl>
      {facts.filter(([, text]) => text).map(([term, text]) => <div><dt>{term}</dt><dd>{text}</dd></div>)}
    </dl>
  );
}
