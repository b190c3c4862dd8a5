// An answer on the page, as it arrives. All words are data: they are set as text, never as markup.


function made(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

const place = (passage) =>
  [...(passage.knowledge_base ? [passage.knowledge_base] : []), ...passage.section_path, ...(passage.page === null ? [] : [`page ${passage.page}`])].join(" \u203a ");

const count = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

const took = (milliseconds) =>
  milliseconds < 999.5 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

export class AnswerOnPage {
  constructor(output) {
    this.output = output;
    this.article = made("article", "answer");
    this.article.setAttribute("aria-label", "Answer");
    this.label = made("p", "label");
    this.said = made("div", "said");
    this.article.append(this.label, this.said);
    this.article.setAttribute("aria-busy", "true");
    this.ahead = "";
    this.draft = [];
    this.passages = [];
    output.replaceChildren(this.article);
  }

  reading(passages, model) {
    this.passages = passages;
    this.article.dataset.kind = model ? "written" : "extracts";
    if (!model) return; // the answer is there at once
    this.found = made("div", "quiet found");
    const list = made("ol");
    for (const passage of passages) {
      const item = made("li");
      const link = made("a", "", passage.document_name);
      link.href = passage.url;
      link.dir = "auto";
      item.append(link, " ", made("span", "place", place(passage)));
      list.append(item);
    }
    this.found.append(made("p", "", "Reading"), list);
    this.article.append(this.found);
  }

  // What is written and not checked yet: each sentence, once it is checked, takes its part of it.
  token(text) {
    const breaks = /\n\s*$/.test(this.ahead) || text.includes("\n");
    this.ahead += text;
    if (this.draft.length && !breaks) this.draft.at(-1).append(text);
    else this.drafts();
  }

  drafts() {
    this.undraft();
    this.draft = this.ahead.split(/\n\n\s*/).flatMap((part, index) => {
      if (!part.trim()) return [];
      const said = index ? part : part.replace(/^\s+/, "");
      const draft = made("span", "sentence draft", unmarked(said, said));
      this.paragraph(index > 0).append(draft);
      return [draft];
    });
  }

  undraft() {
    for (const draft of this.draft) draft.remove();
    for (const empty of this.said.querySelectorAll("p:empty")) empty.remove();
    this.draft = [];
  }

  paragraph(fresh) {
    if (fresh || !this.said.lastElementChild) {
      const paragraph = made("p");
      paragraph.dir = "auto";
      this.said.append(paragraph);
    }
    return this.said.lastElementChild;
  }

  sentence(sentence, kind = this.article.dataset.kind) {
    const whole = made("span", "sentence");
    whole.dataset.support = sentence.support;
    // Offsets count code points, as Python does; a JavaScript string counts UTF-16 units.
    const extract = kind === "extracts"; // shown without marks, and cited at its end
    const letters = [...((extract && sentence.shown) || sentence.text)];
    let done = 0;
    const piece = (start, end) => unmarked(letters.slice(start, end).join(""), sentence.text);
    for (const citation of sentence.citations) {
      const at = extract ? letters.length : citation.at;
      whole.append(piece(done, at), " ", this.cite(citation));
      done = at;
    }
    whole.append(piece(done));
    if (kind === "written" && sign(sentence)) whole.append(made("span", "sign", sign(sentence)));
    this.undraft();
    const line = this.paragraph(sentence.gap.includes("\n\n"));
    // The items of a list, and the rows of a table, are sentences of a paragraph.
    if (line.childElementCount && sentence.gap.includes("\n")) line.append(made("br"));
    line.append(whole, " ");
    this.ahead = [...this.ahead].slice([...sentence.gap, ...sentence.text].length).join("");
    if (this.ahead) this.drafts();
  }

  cite(citation) {
    const passage = this.passages[citation.number - 1];
    const link = made("a", "cite", `[${citation.number}]`);
    link.href = citation.url;
    link.setAttribute("aria-label", `Source ${citation.number}: ${citation.document_name}`);
    Object.assign(link.dataset, {
      name: citation.document_name,
      place: passage ? place(passage) : "",
      quote: citation.shown || citation.quote,
    });
    return link;
  }

  finish(answer, base) {
    this.passages = answer.passages;
    this.article.dataset.kind = answer.kind;
    this.article.removeAttribute("aria-busy");
    this.found?.remove();
    if (answer.kind === "extracts") this.label.textContent = "Extracts: the documents\u2019 own words";
    else if (answer.kind === "written") this.label.textContent = `Written by ${answer.model} from ${answer.knowledge_bases.join(", ") || base}`;
    else this.label.textContent = "Nothing found";
    this.whole(answer);
    if (answer.nothing_found) {
      this.said.replaceChildren();
      this.said.before(made("p", "explanation", answer.nothing_found.explanation));
    }
    this.article.append(...answer.problems.map((told) => made("p", "notice", told)));
    this.article.append(...this.disagree(answer.disagreements ?? []));
    if (answer.cut_off) {
      this.article.append(
        made("p", "notice cut-off", "The model reached its limit of tokens: the answer breaks off here. Ask for less at once, or let the model write more."),
      );
    }
    if (answer.filtered) {
      this.article.append(made("p", "notice cut-off", "The provider\u2019s content filter ended the answer here."));
    }
    this.article.append(made("p", "quiet figure summary", summary(answer)), ...checked(answer), ...prompt(answer.prompt));
    this.sources(answer);
  }

  // Who comes late is told the answer without its parts; and a judge may change the marks.
  whole(answer) {
    if (!answer.judgement && this.said.querySelectorAll(".sentence").length === answer.sentences.length) return;
    this.said.replaceChildren();
    this.ahead = "";
    this.draft = [];
    for (const sentence of answer.sentences) this.sentence(sentence, answer.kind);
  }

  // Two passages that say different things of the same, with their dates.
  disagree(found) {
    if (!found.length) return [];
    const box = made("section", "disagree");
    box.setAttribute("aria-label", "The documents disagree");
    const list = made("ul");
    for (const each of found) {
      const item = made("li");
      item.append(made("strong", "", each.about));
      for (const side of [each.one, each.other]) {
        const line = made("p");
        const words = made("q", "", side.shown || side.quote);
        words.dir = "auto";
        const when = new Date(side.date).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
        line.append(words, " ", this.cite(side), " ", made("span", "quiet", [side.document_name, side.knowledge_base, when].filter(Boolean).join(", ")));
        item.append(line);
      }
      list.append(item);
    }
    box.append(made("h2", "", "The documents disagree"), list);
    return [box];
  }

  sources(answer) {
    const quotes = new Map();
    for (const sentence of answer.sentences) {
      for (const citation of sentence.citations) {
        if (!quotes.has(citation.number)) quotes.set(citation.number, new Set());
        // Extracts are their quotes: said once is enough.
        if (answer.kind === "written") quotes.get(citation.number).add(citation.shown || citation.quote);
      }
    }
    const numbers = [...quotes.keys()].sort((one, other) => one - other);
    const shown = numbers.length ? numbers : answer.passages.slice(0, 3).map((_, index) => index + 1);
    if (!shown.length) return;
    const list = made("ol", "sources");
    for (const number of shown) list.append(source(number, answer.passages[number - 1], quotes.get(number) ?? []));
    this.article.append(made("h2", "", numbers.length ? "Sources" : "Nearest passages"), list);
  }

  broken(error) {
    this.article.removeAttribute("aria-busy");
    for (const draft of this.draft) draft.classList.remove("draft");
    const told = made("div", "problem");
    told.setAttribute("role", "alert");
    const message = made("p");
    message.append(made("strong", "", error.message));
    told.append(message, made("p", "", error.remedy ?? ""));
    if (this.said.childElementCount) this.article.append(told);
    else this.output.replaceChildren(told);
  }
}

function source(number, passage, quotes) {
  const item = made("li", "source");
  item.value = number;
  const link = made("a", "", passage.document_name);
  link.href = passage.url;
  link.dir = "auto";
  item.append(link, " ", made("span", "quiet place", place(passage)));
  if (passage.looks_like_orders) {
    item.append(made("p", "orders", "This passage has text that looks like orders to a model. It was read as a quotation."));
  }
  for (const quote of quotes) {
    const words = made("blockquote", "", quote);
    words.dir = "auto";
    item.append(words);
  }
  return item;
}

function summary(answer) {
  const read = `${count(answer.passages.length, "passage")} read, ${took(answer.milliseconds)}${spent(answer.usage)}`;
  if (answer.kind !== "written") return read;
  const { supported, partly, unsupported } = answer.counts;
  const marks = [`${count(supported, "sentence")} supported`];
  if (partly) marks.push(`${partly} partly`);
  if (unsupported) marks.push(`${unsupported} unsupported`);
  return [`${marks.join(", ")}.`, answer.judgement, read].filter(Boolean).join(" ");
}

function spent(usage) {
  if (!usage) return "";
  const tokens = `, ${usage.prompt_tokens.toLocaleString("en")} + ${usage.completion_tokens.toLocaleString("en")} tokens`;
  return usage.cost === null ? tokens : `${tokens}, ${dollars(usage.cost)}`;
}

const dollars = (cost) => (cost && cost < 0.0001 ? "under $0.0001" : `$${cost.toFixed(cost < 0.1 ? 4 : 2)}`);

// What the model was sent, to the letter.
function prompt(sent) {
  if (!sent) return [];
  const box = made("details", "prompt");
  const room = sent.left_out ? ` ${count(sent.left_out, "passage")} found no room.` : "";
  const told = `About ${sent.tokens.toLocaleString("en")} tokens; the passages might take ${sent.budget.toLocaleString("en")}.${room}`;
  box.append(made("summary", "", "The prompt"), made("p", "quiet figure", told));
  for (const message of sent.messages) {
    const words = made("pre", "", message.content);
    words.tabIndex = 0;
    words.dir = "auto";
    box.append(made("p", "quiet", message.role), words);
  }
  return [box];
}

// Models write marks of bold type and of headings, though they are told not to.
function unmarked(piece, sentence) {
  const bold = /(?<!\w)\*\*(?=\S)[^*\n]+\*\*(?!\w)/.test(sentence);
  return (bold ? piece.replaceAll("**", "") : piece).replace(/^#{1,6}[ \t]+/, "");
}

function sign(sentence) {
  if (sentence.support === "supported") return sentence.verbatim ? "word for word" : "";
  if (sentence.support === "partly") return "partly supported";
  return sentence.citations.length ? "unsupported" : "no source";
}

// Why each sentence has its mark, for those of which there is something to say.
function checked(answer) {
  const told = answer.sentences.filter((sentence) => sentence.reasons.length);
  if (answer.kind !== "written" || !told.length) return [];
  const box = made("details", "checked");
  const list = made("ul");
  for (const sentence of told) {
    const item = made("li");
    const words = made("q", "", unmarked(sentence.text, sentence.text));
    words.dir = "auto";
    item.append(words, " ", made("strong", "", sign(sentence) || sentence.support), `: ${sentence.reasons.join("; ")}.`);
    list.append(item);
  }
  box.append(made("summary", "", "What was checked"), list);
  return [box];
}
