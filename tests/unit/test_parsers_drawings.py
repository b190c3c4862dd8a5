"""What is drawn in Office's documents: charts, SmartArt and text boxes have words too."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

import pytest
from docx import Document as WordDocument
from docx.opc.packuri import PackURI as WordUri
from docx.opc.part import Part as WordPart
from docx.oxml import parse_xml as word_xml
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.worksheet.worksheet import Worksheet
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.util import Inches

from app.ingestion.parsers.drawing import chart_text, diagram_text
from app.ingestion.parsers.registry import parse
from app.ingestion.parsers.xml_tree import tree
from tests.factories import with_part, xlsb
from tests.unit.parsing import check_whole

MAIN = "http://schemas.openxmlformats.org/drawingml/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DIAGRAM_KIND = "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml"
CHART_KIND = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
CHART = "High water\nPort | Metres\nSpring: Brest: 6.1; Dover: 4.3\nNeap: Brest: 3; Dover: 2.7"
DIAGRAM = "- Pilotage\n  - Ask for a pilot\n  - Wait off the mole\n- Mooring"


def diagram() -> bytes:
    """SmartArt's data: two steps, of which the first has two of its own, and an arrow."""
    words = {"1": "Mooring", "2": "Pilotage", "3": "Wait off the mole", "4": "Ask for a pilot"}
    points = "".join(
        f'<dgm:pt modelId="{at}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for at, text in words.items()
    )
    links = "".join(
        f'<dgm:cxn modelId="9{under}" srcId="{above}" destId="{under}" srcOrd="{order}"/>'
        for above, under, order in (("0", "1", 1), ("0", "2", 0), ("2", "3", 1), ("2", "4", 0))
    )
    arrow = (
        '<dgm:pt modelId="8" type="sibTrans"><dgm:t><a:p><a:t>arrow</a:t></a:p></dgm:t></dgm:pt>'
    )
    return (
        f'<dgm:dataModel xmlns:dgm="{MAIN}/diagram" xmlns:a="{MAIN}/main"><dgm:ptLst>'
        f'<dgm:pt modelId="0" type="doc"/>{arrow}{points}</dgm:ptLst>'
        f"<dgm:cxnLst>{links}</dgm:cxnLst></dgm:dataModel>"
    ).encode()


def slides() -> tuple[bytes, bytes]:
    """A presentation with a chart and SmartArt; and the chart's XML, which any office may have."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    data = CategoryChartData()
    data.categories = ["Brest", "Dover"]
    data.add_series("Spring", (6.1, 4.3))
    data.add_series("Neap", (3, 2.7))
    size = (Inches(1), Inches(1), Inches(6), Inches(3))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *size, data).chart
    chart.chart_title.text_frame.text = "High water"
    chart.category_axis.axis_title.text_frame.text = "Port"
    chart.value_axis.axis_title.text_frame.text = "Metres"
    place, package = PackURI("/ppt/diagrams/data1.xml"), presentation.part.package
    told = slide.part.relate_to(
        Part(place, DIAGRAM_KIND, package, diagram()), f"{OFFICE}/diagramData"
    )
    slide.shapes._spTree.append(
        parse_xml(
            '<p:graphicFrame xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
            f'xmlns:a="{MAIN}/main"><p:nvGraphicFramePr><p:cNvPr id="77" name="Steps"/>'
            "<p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm>"
            '<a:off x="0" y="5000000"/><a:ext cx="9" cy="9"/></p:xfrm>'
            f"{graphic(told, 'diagram')}</p:graphicFrame>"
        )
    )
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue(), chart.part.blob


def graphic(told: str, kind: str) -> str:
    """What leads from a document to a chart or to SmartArt."""
    leads = {"diagram": f'<d:relIds r:dm="{told}"/>', "chart": f'<d:chart r:id="{told}"/>'}[kind]
    spaces = f'xmlns:a="{MAIN}/main" xmlns:d="{MAIN}/{kind}" xmlns:r="{OFFICE}"'
    data = f'<a:graphicData uri="{MAIN}/{kind}">{leads}</a:graphicData>'
    return f"<a:graphic {spaces}>{data}</a:graphic>"


def word(chart: bytes) -> bytes:
    """A Word document with a chart, SmartArt and a text box between its paragraphs."""
    document = WordDocument()
    document.add_heading("Tides", 1)
    word_space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = (("chart", CHART_KIND, chart), ("diagram", DIAGRAM_KIND, diagram()))
    for kind, content_type, blob in parts:
        place, package = WordUri(f"/word/{kind}s/one.xml"), document.part.package
        part = WordPart(place, content_type, blob, package)
        told = document.part.relate_to(part, f"{OFFICE}/{kind}")
        run = document.add_paragraph(f"The {kind}: ").add_run()
        run._r.append(
            word_xml(f'<w:drawing xmlns:w="{word_space}">{graphic(told, kind)}</w:drawing>')
        )
    document.add_paragraph().add_run()._r.append(
        word_xml(
            f'<w:pict xmlns:w="{word_space}" xmlns:v="urn:schemas-microsoft-com:vml"><v:shape>'
            "<v:textbox><w:txbxContent><w:p><w:r><w:t>Mind the bar.</w:t></w:r></w:p>"
            "</w:txbxContent></v:textbox></v:shape></w:pict>"
        )
    )
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_a_slides_charts_and_smartart_are_read() -> None:
    text = parse(slides()[0], "a.pptx").text
    check_whole(text)
    assert text.text == f"# Slide 1\n\n{CHART}\n\n{DIAGRAM}"


def test_a_word_documents_charts_smartart_and_text_boxes_are_read_where_they_stand() -> None:
    text = parse(word(slides()[1]), "a.docx").text
    check_whole(text)
    assert f"The chart: {CHART}" in text.text
    assert text.text.index("The diagram: - Pilotage") > text.text.index(CHART)
    assert "- Wait off the mole" in text.text
    assert text.text.endswith("Mind the bar.")


WORD_SPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def boxed_in_word(around: str) -> bytes:
    """A Word document with a text box in the newer way, `around` which there may be more."""
    document = WordDocument()
    document.add_paragraph("High water.")
    box = (
        '<w:drawing><wps:wsp xmlns:wps="urn:wps"><wps:txbx><w:txbxContent><w:p><w:r><w:t>Mind the '
        "bar.</w:t></w:r></w:p></w:txbxContent></wps:txbx></wps:wsp></w:drawing>"
    )
    spaces = f'xmlns:w="{WORD_SPACE}" xmlns:v="urn:schemas-microsoft-com:vml"'
    spaces += ' xmlns:m="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    run = document.add_paragraph().add_run()
    run._r.append(word_xml(f"<w:x {spaces}>{around.format(box)}</w:x>")[0])
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


OLDER = (
    "<w:pict><v:shape><v:textbox><w:txbxContent><w:p><w:r><w:t>Mind the bar.</w:t></w:r></w:p>"
    "</w:txbxContent></v:textbox></v:shape></w:pict>"
)


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "<m:AlternateContent><m:Choice>{}</m:Choice></m:AlternateContent>",
        "<m:AlternateContent><m:Choice>{}</m:Choice><m:Fallback/></m:AlternateContent>",
        "<m:AlternateContent><m:Choice>{}</m:Choice><m:Fallback>"
        + OLDER
        + "</m:Fallback></m:AlternateContent>",
    ],
)
def test_a_text_box_of_word_is_read_once_in_whichever_ways_it_is_told(around: str) -> None:
    assert parse(boxed_in_word(around), "a.docx").text.text == "High water.\n\nMind the bar."


def test_a_workbooks_charts_text_boxes_and_described_pictures_follow_their_sheet() -> None:
    data = workbook(lambda sheet: sheet.append(["Port", "High"]))
    drawing = "xl/drawings/drawing1.xml"
    new, old = (
        f"<m:{way}>{boxed(f'<a:p><a:t>{text}</a:t></a:p>')}</m:{way}>"
        for way, text in (("Choice", "New."), ("Fallback", "Old."))
    )
    described = '<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="1" descr="A light"/></xdr:nvPicPr></xdr:pic>'
    two_lines = "<a:p><a:r><a:t>Mind</a:t></a:r><a:br/><a:r><a:t>the bar.</a:t></a:r></a:p><a:p/>"
    shapes = "".join(
        f"<xdr:oneCellAnchor><xdr:from><xdr:col>{at}</xdr:col><xdr:row>0</xdr:row></xdr:from>"
        f"{shape}</xdr:oneCellAnchor>"
        for at, shape in (
            (3, boxed(two_lines)),
            (1, described),
            (4, f"<m:AlternateContent>{new}{old}</m:AlternateContent>"),
        )
    )
    content = (
        f'<xdr:wsDr xmlns:xdr="{MAIN}/spreadsheetDrawing" xmlns:a="{MAIN}/main" '
        f'xmlns:m="urn:m">{shapes}</xdr:wsDr>'
    )
    text = parse(with_part(data, drawing, content.encode()), "a.xlsx").text
    check_whole(text)
    assert text.text.endswith("## Drawings\n\nA light\n\nMind the bar.\n\nNew.")
    assert text.sections[-1].path == ("Ports", "Drawings")
    assert "High water\nPort | Metres" in parse(data, "a.xlsx").text.text


def test_what_is_drawn_in_a_binary_workbook_follows_its_sheet_too() -> None:
    data = xlsb("Ports", [["Port", "High"], ["Brest", "6 m"]])
    drawing = (
        f'<w xmlns:xdr="{MAIN}/spreadsheetDrawing"><a>{boxed("<p><t>Mind it.</t></p>")}</a></w>'
    )
    leads = '<r><Relationship Id="a" Type="x/drawing" Target="../drawings/drawing1.xml"/></r>'
    data = with_part(data, "xl/worksheets/_rels/sheet1.bin.rels", leads.encode())
    read = parse(with_part(data, "xl/drawings/drawing1.xml", drawing.encode()), "a.xlsb")
    check_whole(read.text)
    assert (read.parser, read.text.text) == (
        "calamine",
        "# Ports\n\n## A1:B2\n\nPort: Brest; High: 6 m\n\n## Drawings\n\nMind it.",
    )


def boxed(paragraphs: str) -> str:
    return f"<xdr:sp><xdr:txBody>{paragraphs}</xdr:txBody></xdr:sp>"


def workbook(fill: Callable[[Worksheet], object]) -> bytes:
    """A workbook of one sheet with a chart, as openpyxl makes it: without what was last seen."""
    made = Workbook()
    sheet = made.worksheets[0]
    sheet.title = "Ports"
    fill(sheet)
    chart = BarChart()
    chart.title, chart.x_axis.title, chart.y_axis.title = "High water", "Port", "Metres"
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    sheet.add_chart(chart, "D10")
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def test_a_sheet_of_nothing_but_a_chart_is_read() -> None:
    made = Workbook()
    made.worksheets[0].append(["Port", "High"])
    chart = BarChart()
    chart.title = "High water"
    made.create_chartsheet("Tides").add_chart(chart)
    file = io.BytesIO()
    made.save(file)
    text = parse(file.getvalue(), "a.xlsx").text
    check_whole(text)
    assert text.text.endswith("# Tides\n\n## Drawings\n\nHigh water")


def test_categories_may_be_dates_or_nested() -> None:
    days = CategoryChartData()
    days.categories = [dt.date(2024, 5, 1), dt.date(2024, 5, 2)]
    days.add_series("High", (6, 5.5))
    assert "High: 2024-05-01: 6; 2024-05-02: 5.5" in chart_text(tree(xml_of(days)))
    nested = CategoryChartData()
    for sea, port in (("Channel", "Dover"), ("Atlantic", "Brest")):
        nested.add_category(sea).add_sub_category(port)
    nested.add_series("High", (4.3, 6))
    assert "High: Channel, Dover: 4.3; Atlantic, Brest: 6" in chart_text(tree(xml_of(nested)))


def xml_of(data: CategoryChartData) -> bytes:
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    kind, size = XL_CHART_TYPE.COLUMN_CLUSTERED, (Inches(1), Inches(1), Inches(6), Inches(3))
    return slide.shapes.add_chart(kind, *size, data).chart.part.blob


def test_a_chart_of_the_newer_kind_is_read() -> None:
    space = "http://schemas.microsoft.com/office/drawing/2014/chartex"
    told = "".join(
        f'<c:data id="{at}"><c:strDim type="cat"><c:lvl>{points(ports)}</c:lvl><c:lvl>'
        f'{points(seas)}</c:lvl></c:strDim><c:numDim type="size"><c:lvl formatCode="General">'
        f"{points(high)}</c:lvl></c:numDim></c:data>"
        for at, ports, seas, high in (
            (0, "Dover Brest", "Channel Atlantic", "4.3 6.1000000000000005"),
            (1, "Calais Lorient", "Channel Atlantic", "7 5"),
        )
    )
    series = "".join(
        f'<c:series layoutId="treemap"><c:tx><c:txData><c:v>{name}</c:v></c:txData></c:tx>'
        f'<c:dataId val="{at}"/></c:series>'
        for at, name in enumerate(("South", "North"))
    )
    words = "<a:p><a:r><a:t>High water</a:t></a:r></a:p>"
    title = f"<c:title><c:tx><c:rich>{words}</c:rich></c:tx></c:title>"
    chart = (
        f'<c:chartSpace xmlns:c="{space}" xmlns:a="{MAIN}/main"><c:chartData>{told}</c:chartData>'
        f"<c:chart>{title}<c:plotArea><c:plotAreaRegion>{series}</c:plotAreaRegion></c:plotArea>"
        "</c:chart></c:chartSpace>"
    )
    assert chart_text(tree(chart.encode())) == (
        "High water\nSouth: Channel, Dover: 4.3; Atlantic, Brest: 6.1\n"
        "North: Channel, Calais: 7; Atlantic, Lorient: 5"
    )


def points(values: str) -> str:
    return "".join(f'<c:pt idx="{at}">{each}</c:pt>' for at, each in enumerate(values.split()))


@pytest.mark.parametrize("links", ['srcId="1" destId="1"', 'srcId="0" destId="1" srcOrd="x"', ""])
def test_smartart_that_goes_round_in_circles_is_read_once(links: str) -> None:
    point = '<pt modelId="1"><t><p><t>Mooring</t></p></t></pt>'
    model = f'<m><pt modelId="0" type="doc"/>{point}<cxn {links}/></m>'
    assert diagram_text(tree(model.encode())) == "- Mooring"


def test_what_leads_to_a_drawing_that_is_broken_costs_the_drawing_alone() -> None:
    made = slides()[0]
    text = parse(with_part(made, "ppt/diagrams/data1.xml", b"<broken"), "a.pptx").text.text
    assert text == f"# Slide 1\n\n{CHART}"
    made = workbook(lambda sheet: sheet.append(["Port", "High"]))
    broken = with_part(made, "xl/drawings/drawing1.xml", b"<broken")
    assert parse(broken, "a.xlsx").text.text == "# Ports\n\n## A1:B1\n\nPort | High"
