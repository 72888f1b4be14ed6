//! `index`: a site's pages as an index to search in.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Done, azulejo, finish, model, program, scratch};

/// A site in a folder of its own: paths and what is in them.
fn site(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
    let folder = scratch(name);
    for (path, text) in files {
        let path = folder.join("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn index(folder: &Path, more: &[&str]) -> Done {
    let (site, to) = (folder.join("site"), folder.join("out/search-index.json"));
    azulejo(&[&["index", site.to_str().unwrap(), "-o", to.to_str().unwrap()], more].concat())
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A passage as the index has it.
#[derive(Debug, PartialEq)]
struct Told {
    address: String,
    title: String,
    anchor: Option<String>,
    heading: String,
    lang: String,
    text: String,
}

/// All passages of a language.
fn passages(first: &Path, language: &str) -> Vec<Told> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let beside = |part: &Value| json(&first.with_file_name(part["file"].as_str().unwrap()));
    let words = beside(&json(first)["languages"][language]);
    let mut told = Vec::new();
    for part in words["texts"].as_array().unwrap() {
        assert_eq!(part["first"], told.len());
        let texts = beside(part);
        for passage in texts["passages"].as_array().unwrap() {
            let page = &texts["pages"][passage[0].to_string()];
            told.push(Told {
                address: text(&page[0]),
                title: text(&page[1]),
                anchor: passage[1].as_str().map(str::to_owned),
                heading: text(&passage[2]),
                lang: text(&passage[3]),
                text: text(&passage[4]),
            });
        }
    }
    told
}

fn texts(folder: &Path, language: &str) -> Vec<String> {
    passages(&folder.join("out/search-index.json"), language).into_iter().map(|told| told.text).collect()
}

const PAGE: &str = r##"<!doctype html><html lang="pt"><head><meta charset="utf-8"><title>Taxas | Vila</title>
<link rel="canonical" href="./taxas.html"><style>p { color: red }</style><script>var fora = 1;</script></head>
<body><header><nav><a href="/">Início</a></nav></header>
<main><nav>migalhas</nav><h1 id="taxas">Taxas</h1><p>A c&acirc;mara  cobra
taxas.</p><!-- comentário --><p hidden>escondido</p><p aria-hidden="true">mudo</p><p style="Display : none">invisível</p>
<template><p>molde</p></template><noscript><p>sem guião</p></noscript><form><label>Nome</label><input value="valor">
<button>Enviar</button></form>
<h2 id="horario">Horário</h2><table><caption>Quando abre</caption><tr><th>Dias</th><th>Horas</th></tr>
<tr><th>Segunda a sexta</th><td>9h00–12h30</td></tr><tr><td>Sábado</td><td><p>10h00</p><p>só em maio</p></td></tr></table>
<h3>Preços</h3><table><tr><th>Serviço</th><th>Papel</th><th>Digital</th></tr>
<tr><td>Certidão</td><td>15 €</td><td>10 €</td></tr></table>
<section id="papeis"><h2>Papéis</h2><ol><li>Pedido<ul><li>assinado</li></ul></li><li>Cópia</li></ol>
<dl><dt>Prazo</dt><dd>10 dias</dd></dl><address>Rua A, 1<br>4700 Vila</address></section>
<div lang="en"><h2 id="fees">Fees</h2><p>Ten euros.</p></div></main><footer>rodapé</footer></body></html>"##;

#[test]
fn index_keeps_the_main_text_and_leaves_out_the_rest() {
    let old = "<html lang=pt><meta name=robots content='noindex, follow'><main><p>velho</p></main>";
    let empty = "<html lang=pt><meta http-equiv=refresh content='0; url=taxas.html'><nav>nada</nav>";
    let folder = site(
        "index-text",
        &[("taxas.html", PAGE), ("velho.html", old), ("vazio.html", empty), ("nota.txt", "não")],
    );
    let done = index(&folder, &["--json"]).json();
    assert_eq!((&done["pages"], &done["passages"]), (&1.into(), &5.into()), "{done}");
    assert_eq!(
        done["left_out"],
        serde_json::json!({ "noindex": 1, "without_text": 1, "duplicates": 0, "unreadable": 0, "repeated_lines": 0 })
    );
    let told = passages(&folder.join("out/search-index.json"), "pt-PT");
    let lines: Vec<(&str, &str, &str)> =
        told.iter().map(|t| (t.anchor.as_deref().unwrap(), t.heading.as_str(), t.text.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("taxas", "", "A câmara cobra taxas.\nNome"),
            (
                "horario",
                "Horário",
                "Quando abre\nDias: Horas\nSegunda a sexta: 9h00–12h30\nSábado: 10h00; só em maio",
            ),
            ("horario", "Preços", "Certidão: Papel: 15 €; Digital: 10 €"),
            ("papeis", "Papéis", "1. Pedido\n• assinado\n2. Cópia\nPrazo: 10 dias\nRua A, 1\n4700 Vila"),
        ]
    );
    assert!(
        told.iter().all(|t| (&*t.address, &*t.title, &*t.lang) == ("taxas.html", "Taxas", "pt")),
        "{told:?}"
    );
    let english = passages(&folder.join("out/search-index.json"), "en");
    assert_eq!(
        (english[0].heading.as_str(), english[0].text.as_str(), english.len()),
        ("Fees", "Ten euros.", 1)
    );
}

#[test]
fn index_of_the_same_folder_has_the_same_bytes() {
    let folder =
        site("index-same", &[("a/b.html", PAGE), ("c.md", "# Título\n\nTexto de Galiza."), ("é.html", PAGE)]);
    let files = || -> BTreeMap<String, Vec<u8>> {
        let all = ["out", "out/search-index"].map(|f| fs::read_dir(folder.join(f)).unwrap());
        let paths =
            all.into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        paths.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
    };
    assert_eq!(index(&folder, &["--lang", "gl"]).code, 0);
    let first = files();
    assert_eq!(index(&folder, &["--lang", "gl"]).code, 0);
    assert_eq!(files(), first);
    // Another page: what changed has another name, and what nobody names any more is gone.
    fs::write(folder.join("site/d.html"), PAGE.replace("cobra", "recebe")).unwrap();
    fs::write(folder.join("out/search-index/notes.json"), "mine").unwrap();
    assert_eq!(index(&folder, &["--lang", "gl"]).code, 0);
    let second = files();
    let parts = |files: &BTreeMap<String, Vec<u8>>| {
        files.keys().filter(|f| f.contains("-pt-PT-") || f.contains("pt-PT-")).count()
    };
    assert_eq!((parts(&first), parts(&second)), (3, 3), "{:?}", second.keys());
    let galician = |files: &BTreeMap<String, Vec<u8>>| {
        files.keys().filter(|f| f.contains("gl-words")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(galician(&first), galician(&second));
    assert!(second.keys().any(|f| f.ends_with("notes.json")), "what isn't ours stays");
    assert!(second.keys().all(|f| !f.ends_with(".part")));
}

#[test]
fn index_reads_markdown() {
    let text = "---\ntitle: \"Guía\"\nlang: es\npermalink: /guia/\n---\nHola.\n\n## Horario {#h}\n\n| Día | Hora |\n|---|---|\n| Lunes | 9:00 |\n";
    let draft = "---\ndraft: true\n---\nNada.";
    let folder = site(
        "index-markdown",
        &[("docs/guía.md", text), ("docs/README.md", "# Inicio\n\nTexto."), ("x.md", draft)],
    );
    let done = index(&folder, &["--lang", "es"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let told = passages(&folder.join("out/search-index.json"), "es");
    let lines: Vec<_> =
        told.iter().map(|t| (&*t.address, &*t.title, t.anchor.as_deref(), &*t.text)).collect();
    assert_eq!(
        lines,
        [
            ("docs/", "Inicio", None, "Texto."),
            ("guia/", "Guía", None, "Hola."),
            ("guia/", "Guía", Some("h"), "Día: Hora\nLunes: 9:00"),
        ]
    );
}

#[test]
fn index_gives_pages_the_addresses_that_lead_there() {
    let page = |canonical: &str| {
        format!(
            "<html lang=es><link rel=canonical href='{canonical}'><main><h1>{canonical}</h1><p>Texto.</p></main>"
        )
    };
    let own = page("https://www.example.org/town/tasas/");
    let (print, foreign) = (page("../a b/index.html"), page("https://evil.example.net/"));
    let files = [
        ("a b/index.html", "<html lang=es><main>Texto."),
        ("p/print.html", &print),
        ("own.html", &own),
        ("evil.html", &foreign),
    ];
    let folder = site("index-address", &files);
    let addresses = |to: &str, more: &[&str]| {
        let (site, to) = (folder.join("site"), folder.join(to));
        let args = [&["index", site.to_str().unwrap(), "-o", to.to_str().unwrap()], more].concat();
        let done = azulejo(&args);
        assert_eq!(done.code, 0, "{}", done.err);
        let told: Vec<String> = passages(&to, "es").into_iter().map(|t| t.address).collect();
        (told, done.err)
    };
    // The page to be printed says that it is another one. An address with a host is only taken if the site is known by it.
    let (told, err) = addresses("out/search-index.json", &[]);
    assert_eq!(told, ["a%20b/", "evil.html", "own.html"]);
    assert!(
        err.contains("2 pages") && err.contains("--base-url") && err.contains("1 of an address"),
        "{err}"
    );
    // An index in a folder of the site.
    assert_eq!(addresses("site/assets/search/i.json", &[]).0[0], "../../a%20b/");
    let (told, err) = addresses("out/search-index.json", &["--base-url", "https://www.example.org/town"]);
    let base = "https://www.example.org/town/";
    assert_eq!(told, [format!("{base}a%20b/"), format!("{base}evil.html"), format!("{base}tasas/")]);
    assert!(err.contains("1 pages") && err.contains("evil.example.net"), "{err}");
}

#[test]
fn index_reads_other_encodings_and_names_what_it_cannot_read() {
    let folder = site("index-encodings", &[("utf8.html", "<html lang=es><main>Educación")]);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join("site").join(name), bytes).unwrap();
    write("latin.html", b"<html lang=es><meta charset='iso-8859-1'><main>A\xf1o</main>");
    write("unsaid.html", b"<html lang=es><main>Ma\xf1ana</main>");
    // Other things than the page itself have a charset, too; and a head may be long.
    let long = [
        &b"<html lang=es><!-- <meta charset=utf-8> --><script charset=utf-8 src=x>"[..],
        &b" ".repeat(2_000)[..],
    ]
    .concat();
    let rest = b"'<meta charset=utf-8>'</script><link charset=utf-8><META HTTP-EQUIV='Content-Type' CONTENT=\"text/html; charset = Windows-1252\"><main>Tasa: 3 \x80 \x96 \x93a\xf1o\x94</main>";
    write("windows.html", &[&long[..], &rest[..]].concat());
    write(
        "xml.xhtml",
        b"<?xml version='1.0' encoding='iso-8859-15'?><html lang='es'><main>3 \xa4</main></html>",
    );
    write(
        "mark.html",
        &[
            &b"\xff\xfe"[..],
            &"<html lang=es><main>Niño".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        ]
        .concat(),
    );
    write("broken.html", b"\xef\xbb\xbf<html lang=es><main>Roto \xff</main>");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", folder.join("site/gone.html")).unwrap();
    let done = index(&folder, &[]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(
        texts(&folder, "es"),
        ["Roto \u{fffd}", "Año", "Niño", "Mañana", "Educación", "Tasa: 3 € – “año”", "3 €"]
    );
    for name in ["unsaid.html", "broken.html"] {
        assert!(done.err.contains(name), "{}", done.err);
    }
    for name in ["latin.html", "utf8.html", "windows.html", "xml.xhtml"] {
        assert!(!done.err.contains(name), "{}", done.err);
    }
    #[cfg(unix)]
    assert!(done.err.contains("gone.html") && done.err.contains("1 that can't be read"), "{}", done.err);
}

#[test]
fn index_leaves_out_what_surrounds_a_page() {
    let page = |title: &str, text: &str| {
        format!(
            r##"<html lang=es><main id=main class="site-main has-breadcrumbs social-share-enabled">
<div class="breadcrumbs"><a href="/">Inicio</a> » <span>{title}</span></div>
<p id="migas-de-pan"><a href="/">Portada</a> / {title}</p>
<ol itemscope itemtype="https://schema.org/BreadcrumbList"><li><a href="/">Casa</a></ol>
<div role="Navigation list"><a href="/">Menú</a></div><div aria-label="Breadcrumb"><a href="/">Principio</a></div>
<article><h1>{title}</h1><p>{text}</p><h2 id="a">Alcaldía</h2><p>Recibe los miércoles de 11:00 a 13:00.</p>
<footer>Última actualización: 3 de febrero de 2026</footer></article>
<p>Fuente: archivo municipal.</p><p>Ir arriba</p>
<div class="sharedaddy sd-sharing"><h3>Comparte esto:</h3><ul><li><a href="?x">Compartir en X (se abre en otra ventana)</a></ul></div>
<div class="socialShare"><a href="?y">Enviar</a></div><div aria-label="Compartir"><a href="?z">Copiar</a></div>
<div class="bike-share"><p>Las bicicletas que se comparten se piden en el mostrador de la estación con el carné de conducir, el documento de
identidad y una fianza de veinte euros, que se devuelve.</p></div>
<div popover>Ayuda</div><div role=alertdialog>Cookies</div><p hidden=until-found>Plegado.</p>
<azulejo-chat name="Vila"><a href="/c">Contacto del chat</a></azulejo-chat></main>"##
        )
    };
    let pages: Vec<(String, String)> = (0..5)
        .map(|i| (format!("{i}.html"), page(&format!("Página {i}"), &format!("Texto número {i}."))))
        .collect();
    let files: Vec<(&str, &str)> = pages.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = site("index-surroundings", &files);
    let done = index(&folder, &["--json"]).json();
    // "Recibe ...", "Fuente ...", "Ir arriba" and "Plegado." are on all pages.
    assert_eq!(done["left_out"]["repeated_lines"], 4, "{done}");
    let told: Vec<String> = passages(&folder.join("out/search-index.json"), "es")
        .into_iter()
        .filter(|told| told.address == "3.html")
        .map(|told| told.text)
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "Texto número 3.");
    assert!(told[1].starts_with("Las bicicletas"), "{told:?}");
    // On a page alone nothing is repeated. What stands behind a footer isn't told as if it were of the last section.
    let folder = site("index-footer", &[("a.html", files[0].1)]);
    assert_eq!(index(&folder, &[]).code, 0);
    let told = passages(&folder.join("out/search-index.json"), "es");
    let lines: Vec<(&str, &str)> = told.iter().map(|t| (t.heading.as_str(), t.text.as_str())).collect();
    assert_eq!(lines[1], ("Alcaldía", "Recibe los miércoles de 11:00 a 13:00."), "{lines:?}");
    assert!(!lines[2].0.contains("Alcaldía") && lines[2].1.starts_with("Fuente"), "{lines:?}");
    assert!(
        told.iter().all(|t| !t.text.contains("actualización") && !t.text.contains("Compartir")),
        "{lines:?}"
    );
}

#[test]
fn index_keeps_lines_with_dates_that_say_something() {
    let page = "<html lang=es><main><p>Publicado: el padrón de 2026 y sus 3 anexos.</p><p>Actualizado el 3/2/2026, 10:30</p>
<p>Updated: February 3, 2026</p><p>Azken eguneratzea: 2026ko otsailaren 3a</p><p>Atualizado em 2026: novas taxas</p>";
    let folder = site("index-dates", &[("a.html", page)]);
    assert_eq!(index(&folder, &[]).code, 0);
    assert_eq!(
        texts(&folder, "es"),
        ["Publicado: el padrón de 2026 y sus 3 anexos.\nAtualizado em 2026: novas taxas"]
    );
}

#[test]
fn index_tells_the_language_of_pages_that_do_not() {
    let spanish = "<main>Para solicitar una sepultura diríjase a la oficina, que abre los lunes y los jueves hasta las dos.";
    let basque = "<main>Txartela harreran eskatzen da, argazki batekin eta agiriarekin. Igandeetan itxita dago, eta ez da inor egoten hor.";
    let short = "<main>Tasas 2026";
    let mixed = "<main>Os cans teñen que ir atados, e non se lles dá de comer nin de beber cunha fonte da vila.<div lang=en>Ten euros.</div>";
    let files = [("es.html", spanish), ("eu.html", basque), ("short.html", short), ("mixed.html", mixed)];
    let folder = site("index-guessed", &files);
    let done = index(&folder, &["--lang", "ca"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let addresses = |language: &str| -> Vec<(String, String)> {
        let told = passages(&folder.join("out/search-index.json"), language);
        told.into_iter().map(|told| (told.address, told.lang)).collect()
    };
    let told = |address: &str, lang: &str| vec![(address.to_owned(), lang.to_owned())];
    assert_eq!(addresses("es"), told("es.html", "es"));
    assert_eq!(addresses("eu"), told("eu.html", "eu"));
    assert_eq!(addresses("ca"), told("short.html", ""));
    assert_eq!((addresses("gl"), addresses("en")), (told("mixed.html", "gl"), told("mixed.html", "en")));
    for said in ["es.html: it doesn't say its language, and by its words it is es", "eu.html", "mixed.html"] {
        assert!(done.err.contains(said), "{}", done.err);
    }
    assert!(!done.err.contains("short.html"), "{}", done.err);
    // Nobody said it, and it has no words to tell.
    let done = index(&folder, &[]);
    assert!(
        done.err.contains("1 pages") && done.err.contains("short.html") && done.err.contains("--lang"),
        "{}",
        done.err
    );
}

#[test]
fn index_survives_hostile_pages() {
    let deep = format!("<html lang='../../x'>{}Fondo{}", "<div><b>".repeat(20_000), "</div>".repeat(9));
    let tables = format!("<html lang=es><main>{}celda", "<table><tr><td>".repeat(2_000));
    let odd = "</td><tr></dd><dt><li></ol><td lang=en>a</td><h2>b<h3>c</main><dd lang=''>d</table><br>\u{0}\u{202e}e";
    let folder = site(
        "index-hostile",
        &[("deep.html", &deep), ("tables.html", &tables), ("odd.html", odd), ("none.html", "")],
    );
    let done = index(&folder, &["--json"]);
    let told = done.json();
    assert_eq!(told["pages"], 3, "{told}");
    let parts = fs::read_dir(folder.join("out/search-index")).unwrap();
    for part in parts.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(part.starts_with("und-") || part.starts_with("es-"), "{part}");
    }
}

#[test]
fn index_errors_say_what_to_do() {
    let folder = site("index-errors", &[("a.html", "<html lang=es><main>Texto"), ("sub/notes.txt", "x")]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let to = path("i.json");
    let error = |args: &[&str]| {
        let done = azulejo(args);
        assert_eq!(done.code, 1, "{}", done.err);
        done.err
    };
    assert!(error(&["index", &path("nothing"), "-o", &to]).contains("no such folder"));
    assert!(error(&["index", &path("site/sub"), "-o", &to]).contains("no page"));
    assert!(
        error(&["index", &path("site"), "-o", &path("name-without-ending")]).contains("search-index.json")
    );
    assert!(error(&["index", &path("site"), "-o", &path("site/a.html/i.json")]).contains("a.html"));
    fs::write(folder.join("site/a.html"), "<meta name=robots content=noindex><main>Texto").unwrap();
    assert!(error(&["index", &path("site"), "-o", &to]).contains("noindex"));
    assert!(!Path::new(&to).exists());
}

#[test]
fn index_with_an_encoder_has_a_vector_for_each_passage() {
    let encoder = format!("{}/../../tests/fixtures/encoders/bert", env!("CARGO_MANIFEST_DIR"));
    let folder = site("index-vectors", &[("taxas.html", PAGE)]);
    let done = index(&folder, &["--model", &encoder, "--device", "cpu", "--json"]);
    let size = done.json()["vectors"].as_u64().unwrap() as usize;
    let first = folder.join("out/search-index.json");
    let told = json(&first);
    assert_eq!((&told["vectors"]["model"], &told["vectors"]["size"]), (&"bert".into(), &size.into()));
    let words = json(&first.with_file_name(told["languages"]["pt-PT"]["file"].as_str().unwrap()));
    let bytes = fs::read(first.with_file_name(words["vectors"]["file"].as_str().unwrap())).unwrap();
    assert_eq!(bytes.len(), 4 * (4 + size));
    // Of length 1.
    for passage in 0..4 {
        let scale = f32::from_le_bytes(bytes[4 * passage..][..4].try_into().unwrap());
        let numbers = bytes[16 + size * passage..][..size].iter().map(|b| f32::from(b.cast_signed()) * scale);
        let length = numbers.map(|v| v * v).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 0.02, "{length}");
    }
    // A decoder is none; that one is set for other commands doesn't matter.
    let done = index(&folder, &["--model", &model(), "--device", "cpu"]);
    assert_eq!(done.code, 2, "{}", done.err);
    let (site, to) = (folder.join("site"), folder.join("out/search-index.json"));
    let mut command = program(&["index", site.to_str().unwrap(), "-o", to.to_str().unwrap()]);
    command.env("AZULEJO_MODEL", model());
    assert_eq!(finish(command).code, 0);
}
