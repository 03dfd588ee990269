"""Likes of posts, comments, reviews and builds."""
