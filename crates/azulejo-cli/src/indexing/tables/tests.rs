//! Tables as editors write them, line by line.

use super::super::html;

/// The lines of a page's main part.
fn lines(html: &str) -> Vec<String> {
    let read = html::read(&format!("<html lang=es><main>{html}</main>"));
    read.blocks.into_iter().map(|block| block.text).collect()
}

fn table(rows: &str) -> Vec<String> {
    lines(&format!("<table>{rows}</table>"))
}

#[test]
fn table_cells_reach_over_their_rows() {
    let rows = "<tr><th>Concepto<th>Empadronados<th>No empadronados
        <tr><td>Entrada<td>3,20 €<td>4,50 €
        <tr><td rowspan=2>Abono<td>individual: 48 €<td>72,50 €
        <tr><td>familiar: 95 €<td>140 €
        <tr><td colspan=3>Menores: gratis";
    assert_eq!(
        table(rows),
        [
            "Entrada: Empadronados: 3,20 €; No empadronados: 4,50 €",
            "Abono: Empadronados: individual: 48 €; No empadronados: 72,50 €",
            "Abono: Empadronados: familiar: 95 €; No empadronados: 140 €",
            "Menores: gratis",
        ]
    );
    // In the middle, at the end, and two at once.
    let rows = "<tr><th>Día<th>Mañana<th>Tarde<th>Noche
        <tr><td>Lunes<td rowspan=0>9:00<td>16:00<td rowspan=2>cerrado
        <tr><td>Martes<td>17:00";
    assert_eq!(
        table(rows),
        [
            "Lunes: Mañana: 9:00; Tarde: 16:00; Noche: cerrado",
            "Martes: Mañana: 9:00; Tarde: 17:00; Noche: cerrado"
        ]
    );
}

#[test]
fn table_cells_reach_over_their_columns() {
    let rows = "<tr><th>Día<th>Mañana<th>Tarde<th>Noche<tr><td>Lunes<td colspan=2>10:00<td>22:00
        <tr><td>Martes<td colspan=100>cerrado";
    assert_eq!(
        table(rows),
        [
            "Lunes: Mañana: 10:00; Tarde: 10:00; Noche: 22:00",
            "Martes: Mañana: cerrado; Tarde: cerrado; Noche: cerrado",
        ]
    );
}

#[test]
fn table_headings_of_several_rows() {
    let rows = "<thead><tr><th rowspan=2>Baño<th colspan=2>Verano<th>Invierno
        <tr><th>Adultos<th>Niños<th>Todos
        <tbody><tr><th scope=row>Uno<td>3 €<td>2 €<td>1 €<tr><th>Diez<td>26 €<td>16 €<td>8 €";
    assert_eq!(
        table(rows),
        [
            "Uno: Verano, Adultos: 3 €; Verano, Niños: 2 €; Invierno, Todos: 1 €",
            "Diez: Verano, Adultos: 26 €; Verano, Niños: 16 €; Invierno, Todos: 8 €",
        ]
    );
    // The corner may be no heading; cells in a thead are.
    let rows = "<tr><td><th>A<th>B<tr><th>x<td>1<td>2";
    assert_eq!(table(rows), ["x: A: 1; B: 2"]);
    let rows = "<thead><tr><td>De<td>A<td>B<tbody><tr><td>Uno<td>1<td>2";
    assert_eq!(table(rows), ["Uno: A: 1; B: 2"]);
    // Further headings are of what stands below them.
    let rows = "<tr><th>De<th>A<th>B<tr><td>Uno<td>1<td>2<tr><th>De<th>C<th>D<tr><td>Dos<td>3<td>4";
    assert_eq!(table(rows), ["Uno: A: 1; B: 2", "Dos: C: 3; D: 4"]);
}

#[test]
fn table_headings_of_rows() {
    let rows = "<tr><th rowspan=2>Lunes<th>Mañana<td>9:00<tr><th>Tarde<td>16:00";
    assert_eq!(table(rows), ["Lunes, Mañana: 9:00", "Lunes, Tarde: 16:00"]);
    let rows = "<tr><th>Adultos<td>3 €<th>Niños<td>2 €";
    assert_eq!(table(rows), ["Adultos: 3 €; Niños: 2 €"]);
    let rows = "<tr><th>L1<td><td><tr><th>L2<td>6:10<td>";
    assert_eq!(table(rows), ["L1", "L2: 6:10"]);
}

#[test]
fn table_headings_that_cells_name() {
    // Whatever stands above, in the order of the table, and also in rows that aren't as wide.
    let rows = "<tr><th id=z>Zona<th id=a>Adultos<th id=n>Niños<th id=v>Verano
        <tr><th id=u>Urbana<td headers='u n'>2 €<td headers='v a'>3 €<td>1 €
        <tr><td headers=n>gratis
        <tr><td headers=z>Rural<td headers='u a'>4 €";
    assert_eq!(
        table(rows),
        [
            "Zona: Adultos; Niños; Verano",
            "Urbana: Niños: 2 €; Adultos, Verano: 3 €; Verano: 1 €",
            "Niños: gratis",
            "Rural: Adultos, Urbana: 4 €",
        ]
    );
    // A section is told once, and so is the heading of a row.
    let rows = "<tr><th colspan=3 id=s>Bono<tr><th id=l>Lunes<td headers='s l'>3 €<td headers=l>4 €
        <tr><th colspan=3 id=t>Día<tr><th id=m>Martes<td headers='t m'>1 €<td headers='s m'>2 €";
    assert_eq!(table(rows), ["Bono, Lunes: 3 €; 4 €", "Día, Martes: 1 €; Bono: 2 €"]);
    // What isn't in the table, says nothing or is the cell itself names none; of two with one `id` the first does.
    let rows = "<tr><th>De<th id=a>A<th id=a>B<th id=e><tr><td>Uno<td headers='zz e'>1<td id=i headers=i>2<td headers='a zz'>3";
    assert_eq!(table(rows), ["Uno: A: 1; B: 2; A: 3"]);
    // With two columns the heading is told once.
    assert_eq!(table("<tr><th id=a>De<th id=b>A<tr><td headers=a>Uno<td headers=b>1"), ["De: A", "Uno: 1"]);
}

#[test]
fn table_sections_go_in_front_of_their_rows() {
    let rows =
        "<tr><th colspan=3>Adultos<tr><td>Día<td>3 €<td>4 €<tr><th colspan=3>Niños<tr><td>Día<td>1 €<td>2 €";
    assert_eq!(table(rows), ["Adultos, Día: 3 €; 4 €", "Niños, Día: 1 €; 2 €"]);
    // One above all is the table's title; one with nothing below is told, too.
    let rows = "<tr><th colspan=3>Tarifas<tr><td>Día<td>3 €<td>4 €";
    assert_eq!(table(rows), ["Tarifas", "Día: 3 €; 4 €"]);
    let rows = "<tr><td>Día<td>3 €<td>4 €<tr><th colspan=3>Impuestos incluidos";
    assert_eq!(table(rows), ["Día: 3 €; 4 €", "Impuestos incluidos"]);
}

#[test]
fn table_sections_as_editors_write_them() {
    let heads = "<thead><tr><th><th scope=col>Socios<th scope=col>Público<tbody>";
    let told = ["Piscina, Entrada: Socios: 2 €; Público: 4 €", "Gimnasio, Mes: Socios: 19 €; Público: 31 €"];
    for (begin, end) in [
        ("<th scope=rowgroup colspan=3>", "</th>"),
        ("<th scope=ROWGROUP colspan=99>", "</th>"),
        ("<th scope=row colspan=3>", "</th>"),
        ("<th scope=colgroup colspan=3>", "</th>"),
        ("<th scope=rowgroup>", "</th><td></td><td></td>"),
    ] {
        let rows = |label: &str| {
            let section = |name: &str| format!("<tr>{begin}{name}{end}");
            format!(
                "{heads}{}<tr>{label}Entrada<td>2 €<td>4 €{}<tr>{label}Mes<td>19 €<td>31 €",
                section("Piscina"),
                section("Gimnasio")
            )
        };
        for label in ["<th scope=row>", "<td>"] {
            assert_eq!(table(&rows(label)), told, "{begin}");
        }
    }
    // In bold alone: where rows don't begin so themselves.
    for (begin, end) in [
        ("<td colspan=3><strong>", "</strong>"),
        ("<td colspan=3><p><b>", "</b></p>"),
        ("<td colspan=3 style='font-weight: 700'>", ""),
        ("<td colspan=3><h4>", "</h4>"),
        ("<td><strong>", "</strong><td>&nbsp;<td>"),
    ] {
        let rows = format!(
            "{heads}<tr>{begin}Piscina{end}<tr><td>Entrada<td>2 €<td>4 €<tr>{begin}Gimnasio{end}<tr><td>Mes<td>19 €<td>31 €"
        );
        assert_eq!(table(&rows), told, "{begin}");
    }
    let rows = "<tr><td><b>L1</b><td><td><tr><td><b>L2</b><td>6:10<td>7:10";
    assert_eq!(table(rows), ["L1", "L2: 6:10; 7:10"]);
    // A note stands below rows, or is a sentence.
    let rows = format!(
        "{heads}<tr><td>Entrada<td>2 €<td>4 €<tr><td colspan=3><b>Menores gratis</b><tr><td>Mes<td>3 €<td>4 €"
    );
    assert_eq!(table(&rows)[1..], ["Menores gratis", "Mes: Socios: 3 €; Público: 4 €"]);
    let rows = format!("{heads}<tr><td colspan=3><b>Menores, gratis.</b><tr><td>Mes<td>3 €<td>4 €");
    assert_eq!(table(&rows), ["Menores, gratis.", "Mes: Socios: 3 €; Público: 4 €"]);
    let rows = format!("{heads}<tr><td colspan=3><b>Con</b> carné<tr><td>Mes<td>3 €<td>4 €");
    assert_eq!(table(&rows), ["Con carné", "Mes: Socios: 3 €; Público: 4 €"]);
}

#[test]
fn table_sections_end_with_their_group() {
    let rows = "<thead><tr><th>De<th>A<th>B<tbody><tr><th colspan=3 scope=rowgroup>Piscina:<tr><td>Entrada<td>2 €<td>4 €
        <tbody><tr><td>Pabellón<td>5 €<td>6 €<tfoot><tr><td>Cuota<td>1 €<td>1 €";
    assert_eq!(
        table(rows),
        ["Piscina, Entrada: A: 2 €; B: 4 €", "Pabellón: A: 5 €; B: 6 €", "Cuota: A: 1 €; B: 1 €"]
    );
    let rows = "<thead><tr><th>De<th>A<th>B<tbody><tr><th colspan=3>Piscina<tr><td>Entrada<td>2 €<td>4 €
        <tbody><tr><th colspan=3>Gimnasio<tr><td>Mes<td>5 €<td>6 €<tfoot><tr><td>Cuota<td>1 €<td>1 €";
    assert_eq!(
        table(rows),
        ["Piscina, Entrada: A: 2 €; B: 4 €", "Gimnasio, Mes: A: 5 €; B: 6 €", "Cuota: A: 1 €; B: 1 €"]
    );
    // In front of its rows, spanning them or with blanks below.
    let rows = "<tr><th scope=rowgroup>Piscina<th scope=row>Entrada<td>2 €<tr><td><th scope=row>Bono<td>17 €
        <tbody><tr><td><th scope=row>Pista<td>5 €";
    assert_eq!(table(rows), ["Piscina, Entrada: 2 €", "Piscina, Bono: 17 €", "Pista: 5 €"]);
    let rows =
        "<tr><th scope=rowgroup rowspan=2>Piscina<th scope=row>Entrada<td>2 €<tr><th scope=row>Bono<td>17 €";
    assert_eq!(table(rows), ["Piscina, Entrada: 2 €", "Piscina, Bono: 17 €"]);
}

#[test]
fn table_headings_in_bold() {
    let rows = "<tr><td><b>Concepto</b><td><p><strong>Socios</strong></p><td><b>Público</b>:<tr><td>Entrada<td>2 €<td>4 €";
    assert_eq!(table(rows), ["Entrada: Socios: 2 €; Público: 4 €"]);
    let rows = "<tr><td colspan=3><b>Tarifas</b><tr><td><td><b>Socios</b><td><b>Público</b><tr><td>Entrada<td>2 €<td>4 €";
    assert_eq!(table(rows), ["Tarifas", "Entrada: Socios: 2 €; Público: 4 €"]);
    // All in bold, or some of a row, tells nothing.
    let rows = "<tr><td><b>Entrada</b><td><b>2 €</b><td><b>4 €</b>";
    assert_eq!(table(&rows.repeat(2)), ["Entrada: 2 €; 4 €"; 2]);
    let rows = "<tr><td><b>Entrada</b><td>2 €<td>4 €";
    assert_eq!(table(&rows.repeat(2)), ["Entrada: 2 €; 4 €"; 2]);
}

#[test]
fn table_headings_go_before_what_says_too_little() {
    let rows = "<tr><th>Escalão<th>Inteiro<th>Meio<tr><th>A<td>210 €<td>140 €<tr><td>2.º<td>450 €<td>300 €<tr><td>Isento<td>0 €<td>0 €";
    assert_eq!(
        table(rows),
        [
            "Escalão A: Inteiro: 210 €; Meio: 140 €",
            "Escalão 2.º: Inteiro: 450 €; Meio: 300 €",
            "Isento: Inteiro: 0 €; Meio: 0 €"
        ]
    );
    assert_eq!(table("<tr><th>Idade:<th>Preço<tr><td>6–12<td>2 €"), ["Idade: Preço", "Idade 6–12: 2 €"]);
    // Where cells name their headings, those of the row's own.
    let rows = "<tr><th id=e rowspan=2>Escalão<th id=v colspan=2>Propina<tr><th id=i headers=v>Inteiro<th id=p headers=v>Meio
        <tr><th id=a headers=e>A<td headers='a v i'>210 €<td headers='a v p'>140 €";
    assert_eq!(table(rows), ["Escalão A: Propina, Inteiro: 210 €; Propina, Meio: 140 €"]);
    let rows =
        "<tr><th scope=row>Linha<th scope=col>Ida<th scope=col>Volta<tr><th scope=row>7<td>8h00<td>9h00";
    assert_eq!(table(rows), ["Linha 7: Ida: 8h00; Volta: 9h00"], "a corner that says it is of a row");
}

#[test]
fn table_headings_are_dropped_where_they_may_be_wrong() {
    // A heading too few, a cell too few, two cells at one place.
    assert_eq!(table("<tr><th>A<th>B<tr><td>x<td>1<td>2"), ["A: B", "x: 1; 2"]);
    let rows = "<tr><th>De<th>A<th>B<tr><td>Uno<td>1<td>2<tr><td>Dos<td>3";
    assert_eq!(table(rows), ["De: A; B", "Uno: A: 1; B: 2", "Dos: 3"]);
    let rows = "<tr><th>De<th>A<th>B<tr><td>Uno<td>1<td rowspan=2>2<tr><td colspan=3>y<td>3";
    let told = table(rows);
    assert_eq!(told[1], "Uno: A: 1; B: 2");
    assert!(!told[2].contains("A:") && !told[2].contains("B:"), "{told:?}");
    // A heading that is a text, headings of many rows.
    let long = format!("<tr><th>De<th>{}<th>B<tr><td>Uno<td>1<td>2", "palabra ".repeat(40));
    assert_eq!(table(&long), ["Uno: 1; B: 2"]);
    let many = format!("{}<tr><td>x<td>1<td>2", "<tr><th>De<th>A<th>B".repeat(9));
    assert_eq!(table(&many).last().map(String::as_str), Some("x: 1; 2"));
    assert_eq!(table("<tr><th>De<th>A<th>B"), ["De: A; B"], "headings of nothing");
}

#[test]
fn table_cell_that_is_not_read_keeps_its_place() {
    let rows = "<tr><th>De<th>A<th>B<tr><td>Uno<td aria-hidden=true>—<td>2<tr><td>Dos<td hidden>1<td>3<td>4";
    assert_eq!(table(rows), ["Uno: B: 2", "Dos: A: 3; B: 4"]);
}

#[test]
fn table_that_arranges_the_page_is_text() {
    let page = "<table><tr><td><h1>Cementerio</h1></td></tr><tr><td>Inicio<br>Tasas</td><td><p>Abre a las 9:00.</p><h2>Tasas</h2>
        <table><tr><td>Concepto<td>Importe<tr><td>Nicho<td>780 €</table><p>Diríjase a la oficina.</p></td></tr></table>";
    assert_eq!(
        lines(page),
        [
            "Cementerio",
            "Inicio\nTasas",
            "Abre a las 9:00.",
            "Tasas",
            "Concepto: Importe",
            "Nicho: 780 €",
            "Diríjase a la oficina."
        ]
    );
    assert_eq!(table("<tr><td>Uno<tr><td>Dos"), ["Uno", "Dos"], "a cell a row");
    assert_eq!(lines("<table role=presentation><tr><td>Uno<td>Dos</table>"), ["Uno", "Dos"]);
    // A paragraph alone is how some editors write a cell.
    assert_eq!(table("<tr><td><p>Nicho</p><td><p>780 €</p>"), ["Nicho: 780 €"]);
    // Within a cell, lines are kept apart, whatever they end with.
    let rows = "<tr><th>Días<th>Horas<tr><td>Lunes<td><p>9 €</p><p>10 €</p><p>Solo en mayo.</p><p>Nunca</p>";
    assert_eq!(table(rows), ["Días: Horas", "Lunes: 9 €; 10 €; Solo en mayo. Nunca"]);
}

#[test]
fn table_with_hostile_spans_is_bounded() {
    let length = |html: &str| table(html).iter().map(String::len).sum::<usize>();
    let spans = |count: usize, rows: &str| {
        let cell = format!("<td rowspan={rows} colspan=65534>{}", "palabra ".repeat(20));
        format!("<tr>{}{}", cell.repeat(count), "<tr><td>x".repeat(3_000))
    };
    for rows in ["65534", "0", "99999999999999999999999", "-3", "2x"] {
        for count in [1, 3, 1_200] {
            let html = spans(count, rows);
            assert!(length(&html) <= 16 * html.len() + 100_000, "{rows} {count}: {}", length(&html));
        }
    }
    // Nothing is lost: what is too much is told cell by cell.
    let told = table(&spans(3, "65534"));
    assert_eq!(told.iter().filter(|line| *line == "x").count(), 3_000);
    let heads =
        format!("<tr><td><th colspan=900>{}{}", "h".repeat(150), "<tr><td>x<td colspan=900>y".repeat(2_000));
    assert!(length(&heads) < 20 * heads.len());
    let named =
        format!("<tr><th><th id=a>{}<th>B{}", "h".repeat(150), "<tr><td>x<td headers=a>y<td>z".repeat(2_000));
    assert!(length(&named) < 20 * named.len());
    let told = table(&format!("<tr><th><th id=a>A<th>B{}", "<tr><td>x<td headers='a a'>y<td>z".repeat(99)));
    assert_eq!(told, ["x: A: y; B: z"; 99]);
}
