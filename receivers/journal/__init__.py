"""The box's own record of what it played: kept through power cuts, sent until it is receipted."""
