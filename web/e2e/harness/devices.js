// What answers are compared on: prompts, and for each configuration the devices and tiers that it runs.

/** In the embedded model's languages, and one with what tokenizers trip over. */
export const PROMPTS = [
  "Onde posso renovar o cartão de cidadão?",
  "¿Cómo puedo sacar el pasaporte?",
  "On puc obrir una botiga?",
  "Canto custa renovar o DNI?",
  "Non botatzen da papera?",
  "Where do glass bottles go?",
  "😀🇵🇹 Olá, ça va? Ñandú, l·l, 日本語, Ελληνικά – e\u0301",
];

/** What each configuration is asked for, and the tier that it must then be on. */
export const DEVICES = {
  chromium: [
    { options: { device: "webgpu" }, tier: "subgroups" },
    { options: { device: "webgpu", maxTier: "baseline" }, tier: "baseline" },
  ],
  firefox: [
    { options: { device: "webgpu" }, tier: "f16" },
    { options: { device: "webgpu", maxTier: "baseline" }, tier: "baseline" },
  ],
  "chromium-cpu": [{ options: { device: "cpu" } }],
  "firefox-cpu": [{ options: { device: "cpu" } }],
  webkit: [{ options: { device: "cpu" } }],
};
