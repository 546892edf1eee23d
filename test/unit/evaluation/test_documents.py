import pytest

from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.documents import markers, renew_section


def test_a_section_is_renewed_between_its_own_markers(tmp_path):
    page = tmp_path / "page.md"
    (begin, end), other = markers("one"), "\n".join(markers("other"))
    page.write_text(f"# Title\n\n{other}\n{begin}\nold\n{end}\n\nafter\n")
    renew_section(page, "one", "new\n")
    assert page.read_text() == f"# Title\n\n{other}\n{begin}\n\nnew\n\n{end}\n\nafter\n"
    renew_section(page, "one", "newer")
    assert page.read_text() == f"# Title\n\n{other}\n{begin}\n\nnewer\n\n{end}\n\nafter\n"


def test_a_page_without_markers_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n")
    with pytest.raises(ConfigError, match="table one: begin"):
        renew_section(page, "one", "new")
    assert page.read_text() == "# Title\n"
