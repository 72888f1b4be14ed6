// How far the AI is: not set up, on its way, ready, failed.

import { failureText } from "../../conversation/failure.js";
import type { Progress, State, Where } from "../../conversation/state.js";
import type { Key, Speaker } from "../../language/translation.js";
import { Icon } from "../icon.js";
import { hostOf, type Ui } from "../ui.js";

const PHASES: Record<Progress["phase"], Key> = {
  probe: "phaseProbe",
  test: "phaseTest",
  measure: "phaseMeasure",
  download: "phaseDownload",
  verify: "phaseVerify",
  upload: "phaseUpload",
  compile: "phaseCompile",
  ready: "phaseReady",
};

export function Status({ state, ...ui }: Ui & { state: State }) {
  const { speaker, settings, acts } = ui;
  const { engine, consent } = state;
  switch (engine.phase) {
    case "absent":
      return null;
    case "off":
      return consent ? null : (
        <div class="status" part="status">
          <span>{speaker.say(ui.hasIndex ? "searchOnly" : "off")}</span>
          <button type="button" class="plain" onClick={acts.offer}>{speaker.say("setUp")}</button>
        </div>
      );
    case "loading":
      return <Loading {...ui} where={engine.where} progress={engine.progress} />;
    case "ready":
      return (
        <div class="status" part="status">
          <span>{engine.where === "device" ? speaker.say("ready") : speaker.say("readyServer", { host: hostOf(settings.server) })}</span>
        </div>
      );
    case "failed":
      return consent ? null : (
        <div class="status failed" part="status error">
          <span><Icon name="warning" />{failureText(speaker, engine.failure, engine.where)}</span>
          <button type="button" class="plain" onClick={acts.retry}>{speaker.say("retry")}</button>
          {engine.where === "device" && settings.server && (
            <button type="button" class="plain" onClick={acts.offer}>{speaker.say("useServer")}</button>
          )}
        </div>
      );
  }
}

function Loading({ speaker, acts, where, progress }: Ui & { where: Where; progress: Progress | null }) {
  const text = where === "server" ? speaker.say("connecting") : phaseText(speaker, progress);
  const share = progress && progress.total > 0 ? Math.round(progress.progress * 100) : null;
  return (
    <div class="status loading" part="status">
      <span>{text}</span>
      <button type="button" class="plain" onClick={acts.cancel}>{speaker.say("cancel")}</button>
      <div class="bar" role="progressbar" aria-label={speaker.say("progress")} aria-valuetext={text}
        {...(share === null ? {} : { "aria-valuenow": share, "aria-valuemin": 0, "aria-valuemax": 100 })}>
        <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width={share ?? 0} height="1" /></svg>
      </div>
    </div>
  );
}

function phaseText(speaker: Speaker, progress: Progress | null): string {
  if (!progress) return speaker.say("phaseProbe");
  if (progress.waiting) return speaker.say("waiting");
  const { loaded, total } = progress;
  return speaker.say(PHASES[progress.phase], { loaded: speaker.size(loaded), total: speaker.size(total) });
}
