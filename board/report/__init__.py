"""The week by mail, in the image of board, whose drawings it sends."""
