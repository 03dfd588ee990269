"""Images as clients see them."""

from typing import Literal, get_args

from jiucom.web import Schema

# The only directories: no text of a client becomes part of a path.
Directory = Literal["general", "posts", "comments", "reviews", "builds", "parts", "profiles"]
DIRECTORIES: tuple[str, ...] = get_args(Directory)


class UploadedImage(Schema, frozen=True):
    """Where the image can be had; `imageUrl` and `url` are the same, for two generations of clients."""

    image_url: str
    url: str
    filename: str
