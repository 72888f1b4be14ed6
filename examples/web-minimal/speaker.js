// Says an answer to screen readers while it is written, each sentence once it is whole: a live region that is rewritten
// token by token is read again and again from its beginning.

/** `region` is a live region that nobody sees; `language` is the answer's. */
export function speaker(region, language) {
  const sentences = new Intl.Segmenter(language, { granularity: "sentence" });
  let text = "";
  let said = 0;
  const say = (isEnd) => {
    const there = [...sentences.segment(text.slice(said))];
    // The last one may go on.
    if (!isEnd) there.pop();
    for (const { segment } of there) {
      const sentence = document.createElement("p");
      sentence.lang = language;
      sentence.textContent = segment;
      region.append(sentence);
      said += segment.length;
    }
  };
  return {
    add(more) {
      text += more;
      say(false);
    },
    end: () => say(true),
  };
}
