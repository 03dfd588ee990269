"""Write what is generated in the pages, and the diagrams: python -m tools.docs."""

from tools.docs.pages import generate

if __name__ == "__main__":
    for path, text in generate().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
