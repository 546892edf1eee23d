"""Meshes and textures handed over to Panda3D."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from panda3d.core import (
    Geom,
    GeomNode,
    GeomTriangles,
    GeomVertexArrayFormat,
    GeomVertexData,
    GeomVertexFormat,
    InternalName,
    SamplerState,
    Shader,
    Texture,
)

from sim2real_ad.types import UInt8Array
from sim2real_ad.world.embedded.rendering.mesh import Mesh


@functools.lru_cache(maxsize=1)
def _vertex_format() -> GeomVertexFormat:
    """Return the registered twin of mesh.VERTEX."""
    array = GeomVertexArrayFormat()
    array.add_column(InternalName.get_vertex(), 3, Geom.NT_float32, Geom.C_point)
    array.add_column(InternalName.get_normal(), 3, Geom.NT_float32, Geom.C_normal)
    array.add_column(InternalName.get_texcoord(), 3, Geom.NT_float32, Geom.C_texcoord)
    array.add_column(InternalName.get_color(), 4, Geom.NT_uint8, Geom.C_color)
    array.add_column(InternalName.make("surface"), 4, Geom.NT_uint8, Geom.C_color)
    layout = GeomVertexFormat()
    layout.add_array(array)
    return GeomVertexFormat.register_format(layout)


def geometry_node(name: str, meshes: Iterable[Mesh]) -> GeomNode:
    """Return a node that draws meshes, each culled on its own."""
    node = GeomNode(name)
    for mesh in meshes:
        if len(mesh.triangles):
            node.add_geom(_geom(mesh))
    return node


def _geom(mesh: Mesh) -> Geom:
    data = GeomVertexData("mesh", _vertex_format(), Geom.UH_static)
    data.unclean_set_num_rows(len(mesh.vertices))
    data.modify_array_handle(0).copy_data_from(mesh.vertices.tobytes())
    triangles = GeomTriangles(Geom.UH_static)
    wide = len(mesh.vertices) > 0xFFFF
    triangles.set_index_type(Geom.NT_uint32 if wide else Geom.NT_uint16)
    indices = triangles.modify_vertices()
    indices.unclean_set_num_rows(mesh.triangles.size)
    indices.modify_handle().copy_data_from(mesh.triangles.astype("<u4" if wide else "<u2").tobytes())
    geom = Geom(data)
    geom.add_primitive(triangles)
    return geom


def bank_texture(layers: UInt8Array) -> Texture:
    """Return a texture array of (L, H, W, 4) RGBA layers, row 0 on top, repeating, with mipmaps."""
    count, height, width, _ = layers.shape
    texture = Texture("bank")
    texture.setup_2d_texture_array(width, height, count, Texture.T_unsigned_byte, Texture.F_rgba)
    texture.set_ram_image(layers[:, ::-1, :, [2, 1, 0, 3]].tobytes())
    texture.set_minfilter(SamplerState.FT_linear_mipmap_linear)
    texture.set_magfilter(SamplerState.FT_linear)
    texture.set_wrap_u(SamplerState.WM_repeat)
    texture.set_wrap_v(SamplerState.WM_repeat)
    return texture


def sky_texture(picture: UInt8Array) -> Texture:
    """Return a texture of an (H, W, 3) RGB picture whose row 0 lies at v = 0; it repeats along u only."""
    height, width, _ = picture.shape
    texture = Texture("sky")
    texture.setup_2d_texture(width, height, Texture.T_unsigned_byte, Texture.F_rgb)
    texture.set_ram_image(picture[:, :, ::-1].tobytes())
    texture.set_minfilter(SamplerState.FT_linear)
    texture.set_magfilter(SamplerState.FT_linear)
    texture.set_wrap_u(SamplerState.WM_repeat)
    texture.set_wrap_v(SamplerState.WM_clamp)
    return texture


@functools.lru_cache(maxsize=8)
def shader(vertex: str, fragment: str) -> Shader:
    """Return the compiled program of two sources."""
    return Shader.make(Shader.SL_GLSL, vertex, fragment)
